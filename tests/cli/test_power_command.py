import pytest

from newsgauge.cli.main import main


def _run(command: str) -> int:
    return main(command.split())


def test_a_plan_names_the_known_number_of_posts(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("power --baseline 0.85 --difference 0.05 --discordant 0.1") == 0
    out = capsys.readouterr().out
    assert "337" in out
    assert "true accuracies 85.0% and 90.0%" in out
    assert "304 texts to prove it above" in out


def test_without_a_discordant_share_the_plan_is_a_table_of_plausible_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run("power --baseline 0.85 --difference 0.05") == 0
    out = capsys.readouterr().out
    assert [row for row in (" 5.0%", "15.0%", "22.0%") if row not in out] == []


def test_a_drop_is_planned_like_a_gain_of_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("power --baseline 0.85 --difference -0.05 --discordant 0.1") == 0
    out = capsys.readouterr().out
    assert "337" in out
    assert "texts to prove it below" in out


def test_more_power_and_a_smaller_alpha_take_more_posts(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("power --baseline 0.7 --difference 0.2 --discordant 0.25 --power 0.95 --alpha 0.01") == 0
    assert "       50 " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--baseline 0.8 --difference 5e-324", "--difference: expected a number no closer to a bound or 0"),
        ("--baseline 0.9999999999 --difference 0.1", "--baseline: expected a number no closer to a bound or 0"),
        ("--baseline x --difference 0.05", "--baseline: expected a number above 0 and below 1, got 'x'"),
        ("--baseline 85 --difference 0.05", "--baseline: expected a number above 0 and below 1, got '85'"),
        ("--baseline nan --difference 0.05", "--baseline: expected a number above 0 and below 1, got 'nan'"),
        ("--baseline 0.85 --difference 0.2", "--difference: 0.85 +0.2 is 1.05, which is not an accuracy"),
        ("--baseline 0.85 --difference 0", "--difference: expected a number other than 0"),
        (
            "--baseline 0.85 --difference 0.05 --discordant 0.01",
            "--discordant: expected a share from 0.05 to 0.25",
        ),
        (
            "--baseline 0.85 --difference 0.05 --discordant 0.9",
            "--discordant: expected a share from 0.05 to 0.25",
        ),
        (
            "--baseline 0.85 --difference 0.05 --alpha 1",
            "--alpha: expected a number above 0 and below 0.5, got '1'",
        ),
        (
            "--baseline 0.85 --difference 0.05 --power 80",
            "--power: expected a number above 0 and below 1, got '80'",
        ),
    ],
)
def test_a_bad_value_is_one_line_and_status_2(options: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", *options.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"newsgauge: {message}")
