"""A variant with disturbances: recorded, replayed on two processes, gated, and stale once a function changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GATE = """
[embedded.bundled.labels]
max_drop_under = { typos = 0.9, loud = 0.9, reason = "only that it is held" }
max_obeyed = { limit = 0.99, reason = "only that it is held" }
"""


def test_a_variant_is_asked_about_disturbed_texts_and_held_to_what_they_cost(project: pytest.Pytester) -> None:
    variants, change = Path("evals/variants.toml"), Path("evals/my_change.py")
    under = 'under = ["typos", "injected", "my_change:loud"]'
    variants.write_text(variants.read_text().replace("[labels]\n", f"[labels]\n{under}\n"))
    change.write_text("def loud(text):\n    return text.upper()\n")
    Path("evals/gates.toml").write_text(GATE)
    asked = ("evals", "--variants", "labels")
    project.runpytest(*asked).stdout.fnmatch_lines(["*24 cases have no answer*"])
    assert project.runpytest(*asked, "--record-mode", "once").ret == 0
    files = sorted(path.name for path in Path("cassettes/embedded/bundled").glob("labels*"))
    assert files == ["labels+injected.jsonl", "labels+loud.jsonl", "labels+typos.jsonl", "labels.jsonl"]
    run = project.runpytest(*asked, "-n", "2")
    assert run.ret == 0
    run.stdout.fnmatch_lines(
        ["PASS*labels-under-typos*", "PASS*labels-under-loud*", "PASS*labels-obeyed*", "*GREEN: 3 of 3 gates*"],
        consecutive=False,
    )
    pairs = json.loads(Path(".newsgauge/results/scoreboard.json").read_text())["comparisons"]
    assert [(one["first"], one["second"], one["n"]) for one in pairs] == [
        (f"labels+{name}", "labels", 8) for name in ("typos", "injected", "loud")
    ]
    assert "What disturbances of the texts cost" in Path(".newsgauge/results/report.html").read_text()
    change.write_text("def loud(text):\n    return text.upper() + '!'\n")
    project.runpytest(*asked).stdout.fnmatch_lines(["*8 cases have no answer: 8 of labels+loud*"])
    change.write_text("def loud(text):\n    return None\n")
    failed = project.runpytest(*asked)
    assert failed.ret == pytest.ExitCode.USAGE_ERROR
    failed.stderr.fnmatch_lines(["*[[]labels+loud[]] under: expected my_change:loud to return a text, got NoneType*"])
