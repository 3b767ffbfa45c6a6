"""The progress line: what it says, how often, and that pytest's own letters are gone but its counts are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from newsgauge.pytest_plugin.progress import Progress
from newsgauge.pytest_plugin.slim_reports import CORRECT_PROPERTY, VARIANT_PROPERTY
from newsgauge.report.tally import Tally, describe


def test_the_line_says_done_rate_time_left_errors_and_accuracy() -> None:
    tally = Tally(400)
    for i in range(100):
        tally.add("system", i % 4 == 0)
        tally.add("tuned", i % 10 != 0)
    tally.add("tuned", None)
    assert describe(Tally(0), 4.0).startswith("0 of 0 cases, 0.0/s, in 4 s, ")  # over: how long it took
    assert describe(tally, 4.0) == "201 of 400 cases, 50/s, 4 s left, 1 error | accuracy: system 25%, tuned 90%"


def test_a_narrow_terminal_gets_the_variants_that_are_being_asked() -> None:
    tally = Tally(400)
    for variant in ("bare", "system", "tuned"):
        tally.add(variant, True)
    whole = "3 of 400 cases, 3.0/s, 132 s left, 0 errors | accuracy: bare 100%, system 100%, tuned 100%"
    assert describe(tally, 1.0, width=200) == whole.replace("132 s", "2 min")
    assert (
        describe(tally, 1.0, width=84)
        == "3 of 400 cases, 3.0/s, 2 min left, 0 errors | accuracy: … system 100%, tuned 100%"
    )
    assert describe(tally, 1.0, width=70) == "3 of 400 cases, 3.0/s, 2 min left, 0 errors | accuracy: … tuned 100%"
    assert describe(tally, 1.0, width=50) == "3 of 400 cases, 3.0/s, 2 min left, 0 errors"


def test_a_very_narrow_terminal_gets_the_beginning() -> None:
    tally = Tally(30_000)
    tally.add("system", True)
    assert describe(tally, 10.0, width=30) == "1 of 30,000 cases, 0.1/s, 83.…"
    assert len(describe(tally, 10.0, width=30)) == 30


class Screen:
    """As much of pytest's terminal as the line needs."""

    def __init__(self, *, isatty: bool, width: int = 80) -> None:
        self.text = ""
        self.stats: dict[str, list[Any]] = {}
        self.fullwidth = width
        self.isatty = isatty
        self._tw = self
        self._file = self
        self._columns = 0

    @property
    def width_of_current_line(self) -> int:
        return self._columns

    def line(self, text: str = "") -> None:
        self.text += f"{text}\n"

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def report(nodeid: str, variant: str, correct: bool | None, when: str = "call") -> Any:
    properties: list[tuple[str, object]] = [(VARIANT_PROPERTY, variant)]
    if correct is not None:
        properties.append((CORRECT_PROPERTY, correct))
    return SimpleNamespace(nodeid=nodeid, when=when, failed=when == "setup", user_properties=properties)


def play(
    monkeypatch: pytest.MonkeyPatch, screen: Screen, n: int, *, seconds_each: float, is_quiet: bool = False
) -> list[str]:
    now = iter(i * seconds_each for i in range(n + 1))
    config: Any = None  # asked for nothing but its terminal
    progress = Progress(config, n_planned=n, is_quiet=is_quiet, clock=lambda: next(now))
    monkeypatch.setattr("newsgauge.pytest_plugin.progress.terminal_of", lambda config: screen)
    for i in range(n):
        progress.pytest_runtest_logreport(report(f"t[{i}]", "tuned", i % 2 == 0))
    return screen.text.rstrip("\n").split("\n") if screen.text else []


@pytest.mark.parametrize("seconds_each", [0.001, 0.02, 0.2, 2.0], ids=["30s", "10min", "100min", "17h"])
def test_thirty_thousand_cases_are_fewer_than_sixty_lines(monkeypatch: pytest.MonkeyPatch, seconds_each: float) -> None:
    lines = play(monkeypatch, Screen(isatty=False), 30_000, seconds_each=seconds_each)
    assert 5 <= len(lines) < 60
    assert lines[-1].startswith("30,000 of 30,000 cases")


def test_a_run_of_two_seconds_prints_no_plain_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert play(monkeypatch, Screen(isatty=False), 400, seconds_each=0.005) == []


def test_a_terminal_has_one_line_that_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    screen = Screen(isatty=True, width=60)
    lines = play(monkeypatch, screen, 400, seconds_each=0.05)
    assert len(lines) == 1
    states = lines[0].split("\r\x1b[2K")
    assert len(states) > 100
    assert states[-1].startswith("400 of 400 cases")
    assert max(map(len, states)) < 60


def test_a_dumb_terminal_and_ci_get_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TERM", "dumb"), ("CI", "true")):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv(name, value)
        assert "\x1b" not in "".join(play(monkeypatch, Screen(isatty=True), 400, seconds_each=0.05))


def test_quiet_means_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert play(monkeypatch, Screen(isatty=False), 400, seconds_each=1, is_quiet=True) == []


def test_no_colour_is_ever_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    text = "".join(play(monkeypatch, Screen(isatty=True), 400, seconds_each=0.05))
    assert set(text.split("\x1b")[1:]) != set()
    assert all(part.startswith("[2K") for part in text.split("\x1b")[1:])
