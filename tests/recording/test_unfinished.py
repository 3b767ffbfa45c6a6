"""A recording of everything anew that was interrupted knows when it began, until it is complete."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from newsgauge.recording.pending import ResumeFile

WHEN = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)


def test_it_begins_a_second_after_whatever_was_there_and_keeps_its_time(tmp_path: Path) -> None:
    slept: list[float] = []
    unfinished = ResumeFile(tmp_path / "record.json")
    assert unfinished.begin("a", now=lambda: WHEN, sleep=slept.append) == "2026-11-24T12:00:05Z"
    assert unfinished.begin("a", sleep=slept.append) == "2026-11-24T12:00:05Z"
    assert slept == [1.0]
    unfinished.end("a")
    assert unfinished.begin("a", now=lambda: WHEN.replace(hour=13), sleep=slept.append) == "2026-11-24T13:00:05Z"


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("{")
    ResumeFile(path).end("a")
    assert ResumeFile(path).begin("a", now=lambda: WHEN, sleep=lambda s: None) == "2026-11-24T12:00:05Z"
