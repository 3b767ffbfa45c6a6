"""``--repeats``: one case per post and repeat, resumable, and a missing repeat is never green."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.gates.baseline_file import decode
from newsgauge.report.html.blocks import Chart, Fold
from newsgauge.report.html.repeats import repeats_section
from newsgauge.results.run_folder import load_run

CASSETTE = Path("cassettes/embedded/bundled/labels.jsonl")
LABELS = ("--variants", "labels")
PLAN = ("--classes", "^sci.(space|med)$", "--posts-per-class", "4")


def keys() -> list[str]:
    return [json.loads(line)["key"] for line in CASSETTE.read_text().splitlines()]


def rows(folder: str = ".newsgauge/results") -> list[dict[str, str]]:
    with Path(folder, "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def repeated(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> pytest.Pytester:
    """The recorded project, in which ``labels`` was asked three times."""
    before = CASSETTE.read_bytes().splitlines()
    assert main(["record", *PLAN, *LABELS, "--repeats", "3"]) == 0
    assert "16 calls" in capsys.readouterr().out
    assert set(before) <= set(CASSETTE.read_bytes().splitlines())  # what was recorded is not asked again
    return project


def test_repeats_stand_beside_the_first_answer_in_the_same_cassette(repeated: pytest.Pytester) -> None:
    first = [key for key in keys() if "~" not in key]
    assert len(first) == 8
    assert sorted(keys()) == sorted(f"{key}{repeat}" for key in first for repeat in ("", "~r2", "~r3"))


def test_a_run_without_repeats_replays_the_first_answers(repeated: pytest.Pytester) -> None:
    assert repeated.runpytest_inprocess("evals", *LABELS).ret == 0
    assert len(rows()) == 8


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_each_repeat_is_a_case_of_its_own(repeated: pytest.Pytester, processes: str) -> None:
    result = repeated.runpytest_subprocess("evals", *LABELS, "--repeats", "3", processes, "--require-gates", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_names_its_newsgroup?sci.med-*~r3-labels?*"])
    result.stdout.fnmatch_lines(["repeats   k  texts  stable  flip rate  pass^k  pass@k  majority"])
    assert len(rows()) == 24
    score = json.loads(Path(".newsgauge/results/scoreboard.json").read_text())["variants"]["labels"]
    assert (score["n"], score["repeats"]["k"], score["repeats"]["n_posts"]) == (24, 3, 8)


def test_variants_toml_can_say_it(repeated: pytest.Pytester) -> None:
    path = Path("evals/variants.toml")
    path.write_text(path.read_text().replace("[labels]", "[labels]\nrepeats = 3"))
    assert repeated.runpytest_inprocess("evals", "--require-gates").ret == 0
    assert {row["variant"]: 0 for row in rows()} == {"bare": 0, "system": 0, "labels": 0, "tuned": 0}
    assert sum(row["variant"] == "labels" for row in rows()) == 24


@pytest.mark.parametrize("options", [(), ("-n2",), ("-q",), ("-m", "gate")])
def test_a_missing_repeat_is_red(repeated: pytest.Pytester, options: tuple[str, ...]) -> None:
    lines = CASSETTE.read_text().splitlines(keepends=True)
    gone = [line for line in lines if json.loads(line)["key"].startswith("sci.med") and '~r3"' in line]
    CASSETTE.write_text("".join(line for line in lines if line not in gone))
    result = repeated.runpytest_subprocess("evals", *LABELS, "--repeats", "3", *options)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*4 cases have no answer: 4 of labels*"])


def test_a_part_of_the_repeats_is_red_in_ci(repeated: pytest.Pytester) -> None:
    result = repeated.runpytest_inprocess("evals", *LABELS, "--repeats", "3", "--require-gates", "-k", "not r2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*8 of 24 planned cases did not run*"])


def test_shards_with_repeats_join_to_the_whole(repeated: pytest.Pytester) -> None:
    for k in (1, 2):
        command = ("evals", *LABELS, "--repeats", "3", "--shard", f"{k}/2", f"--results=s{k}")
        assert repeated.runpytest_inprocess(*command).ret == 0
    whole = ("evals", *LABELS, "--repeats", "3", "--results=whole", "--require-gates")
    assert repeated.runpytest_inprocess(*whole).ret == 0
    assert main(["merge", "s2", "s1", "--results", "merged"]) == 0
    for name in ("results.csv", "scoreboard.json", "gates.json"):
        assert Path("merged", name).read_bytes() == Path("whole", name).read_bytes(), name
    lines = CASSETTE.read_text().splitlines(keepends=True)
    gone = next(line for line in lines if '~r3"' in line)
    CASSETTE.write_text("".join(line for line in lines if line != gone))
    for k in (1, 2):
        repeated.runpytest_inprocess("evals", *LABELS, "--repeats", "3", "--shard", f"{k}/2", f"--results=s{k}")
    assert main(["merge", "s2", "s1", "--results", "merged"]) == 1
    assert json.loads(Path("merged/gates.json").read_text())["verdict"] == "RED"


def test_the_baseline_holds_every_repeat(repeated: pytest.Pytester) -> None:
    command = ("evals", *LABELS, "--repeats", "3")
    assert repeated.runpytest_inprocess(*command, "--update-baseline").ret == 0
    answers = decode(Path("evals/baselines/embedded/bundled.json").read_text(), shown="").variants["labels"].answers
    assert len(answers) == 24
    path = Path("evals/baselines/embedded/bundled.json")
    key = next(key for key in answers if key.endswith("~r2"))
    text = path.read_text()
    path.write_text(text.replace(f'"{key}", "{answers[key]}"', f'"{key}", "another"'))
    assert path.read_text() != text
    result = repeated.runpytest_inprocess(*command)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"      {key}: was another, now {answers[key]}"])
    path.write_text("".join(line for line in text.splitlines(keepends=True) if f'"{key}"' not in line))
    assert repeated.runpytest_inprocess(*command).ret == 4  # it lost an answer


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "1000"])
def test_a_number_that_is_no_number_of_repeats_is_refused(project: pytest.Pytester, value: str) -> None:
    result = project.runpytest_inprocess("evals", "--repeats", value)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*--repeats: expected a number from 1 to 100, got '{value}'"])


def test_repeats_of_a_variant_are_a_number_from_one(project: pytest.Pytester) -> None:
    path = Path("evals/variants.toml")
    path.write_text(path.read_text().replace("[labels]", "[labels]\nrepeats = 101"))
    result = project.runpytest_inprocess("evals")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*variants.toml: [[]labels]: expected 'repeats' from 1 to 100, got 101"])


def test_two_recordings_of_one_model_are_compared_with_their_own_noise(
    repeated: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        assert repeated.runpytest_inprocess("evals", *LABELS, "--repeats", "3", f"--results={folder}").ret == 0
    (fold,) = repeats_section(load_run(Path("a"))).blocks
    assert isinstance(fold, Fold)
    spread = fold.blocks[0]
    assert isinstance(spread, Chart)
    assert [bar.name for bar in spread.rows] == ["0 right", "1 right", "2 right", "3 right"]
    assert sum(bar.value or 0 for bar in spread.rows) == 8
    assert "Right answers per post, labels" in Path("a/report.html").read_text()
    path = Path("b/results.csv")
    changed = []
    for row in rows("b"):
        row["prediction"] = "sci.crypt"
        row["correct"] = "0"
        changed.append(row)
    capsys.readouterr()
    assert main(["same", "a", "a"]) == 3  # eight posts exclude no difference of 5 points
    assert "INCONCLUSIVE" in capsys.readouterr().out
    scoreboard = Path("b/scoreboard.json")
    whole = scoreboard.read_text()
    board = json.loads(whole)
    board["variants"]["labels"]["n"] -= 1
    scoreboard.write_text(json.dumps(board))
    assert main(["same", "a", "b", "--margin", "0.9"]) == 3  # not green, whatever the others say
    assert "Planned cases without an answer: 1; record them first" in " ".join(capsys.readouterr().out.split())
    for folders, status in ((["a", "b"], 1), (["a", "a"], 0)):
        assert main(["compare", *folders, "--gate", "--max-drop", "0.9"]) == status
    passed_not, passed = [line for line in capsys.readouterr().out.splitlines() if " on the same 8 texts " in line]
    assert passed_not.startswith("INCONCLUSIVE")
    assert passed_not.endswith("planned cases without an answer: 1; record them first")
    assert passed.startswith("PASS")  # eight posts, not twenty-four cases
    scoreboard.write_text(whole)
    assert main(["same", "a", "b", "--margin", "0.9"]) == 0
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, changed[0].keys(), lineterminator=os.linesep)
        writer.writeheader()
        writer.writerows(changed)
    assert main(["same", "a", "b"]) == 1
    assert "CHANGED" in capsys.readouterr().out


def test_a_margin_that_is_no_share_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert main(["same", str(tmp_path / "a"), str(tmp_path / "b"), "--margin", "5"]) == 2
    assert capsys.readouterr().err
