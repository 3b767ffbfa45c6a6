"""``newsgauge serve`` is the emulator's own command; what goes wrong reads as newsgauge says it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from gemini_emulator import command_line
from gemini_emulator.server import EmbeddedServer
from newsgauge.cli.main import main


def test_serve_hands_the_emulator_every_option_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = {}  # type: ignore[var-annotated]
    monkeypatch.setattr(command_line, "run", lambda options, *, program: seen.update(vars(options), program=program))
    options = [
        "--host",
        "::1",
        "--port",
        "1",
        "--state",
        str(tmp_path),
        "--api-key",
        "k",
        "--faults",
        "f",
        "--rpm",
        "2",
    ]
    assert main(["serve", *options]) == 0
    expected = {"host": "::1", "port": 1, "state": tmp_path, "api_key": "k", "faults": Path("f"), "rpm": 2}
    assert {key: seen[key] for key in expected} == expected
    assert seen["program"] == "newsgauge"


def test_a_file_of_faults_that_is_missing_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", "--faults", "nowhere.toml"]) == 2
    assert capsys.readouterr().err.startswith("newsgauge: --faults nowhere.toml: expected a TOML file")


def test_a_port_that_is_taken_is_an_error_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedServer() as server:
        assert main(["serve", "--port", server.base_url.rpartition(":")[2]]) == 1
    assert capsys.readouterr().err.startswith("newsgauge: cannot listen on 127.0.0.1:")


@pytest.mark.parametrize(
    "words", [["s" + "k-planted1234567890"], ["--port", "planted-0001"], ["--faults", "planted-0001"]]
)
def test_a_key_in_the_place_of_an_option_is_not_quoted(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", "planted-0001")
    with suppress(SystemExit):
        assert command_line.main(words) == 2
    said = capsys.readouterr().err
    assert "planted" not in said
    assert "[secret]" in said
