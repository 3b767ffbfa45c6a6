"""Half of a surrogate pair, as a cut emoji leaves it: JSON can say it and no file can hold it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from newsgauge.corpora.table_files import TableFormat
from newsgauge.corpora.tables import read_table
from newsgauge.results.predictions import read_predictions
from newsgauge.running.custom_predict import _labelled
from tests.plugin.fake_service import FakeService

HALF = "\ud800"
ASKED = ["evals", "--backend", "gemini", "--variants", "bare,system"]


def test_an_answer_with_half_an_emoji_is_recorded_replayed_written_and_accepted(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(body: str, answer: dict[str, Any]) -> dict[str, Any]:
        if "systemInstruction" not in body:
            answer["candidates"][0]["content"]["parts"][0]["text"] = f"bill{HALF}ing"
        return answer

    with FakeService() as service:
        service.changed = change
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", service.url)
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        assert project.runpytest_inprocess(*ASKED, "--record-mode", "once").ret == 0
    assert b"bill\\ud800ing" in Path("cassettes/gemini/bundled/bare.jsonl").read_bytes()
    result = project.runpytest_inprocess(*ASKED, "--update-baseline", "-rx", "--junitxml", "junit.xml", "-v")
    assert result.ret == 0, result.stderr.str()
    with Path(".newsgauge/results/results.csv").open(encoding="utf-8", newline="") as file:
        assert {row["prediction"] for row in csv.DictReader(file) if row["variant"] == "bare"} == {"bill\ufffding"}
    again = project.runpytest_inprocess(*ASKED)  # held to the baseline
    assert again.ret == 0, again.stdout.str()


def test_labels_and_predictions_of_files_and_techniques_are_whole(tmp_path: Path) -> None:
    table = tmp_path / "posts.jsonl"
    table.write_text(json.dumps({"id": f"1{HALF}", "text": "hello", "label": f"a{HALF}"}))
    (post,) = read_table(table, TableFormat())["test"]
    assert (post.label, post.number) == ("a\ufffd", "1\ufffd")
    predictions = tmp_path / "said.jsonl"
    predictions.write_text(json.dumps({"id": "1", "prediction": f"a{HALF}"}))
    (said,), _ = read_predictions(predictions, variant=None, columns={})
    assert said.judged(["a\ufffd"]).label == "a\ufffd"
    assert _labelled(f"a{HALF}", ("a",)).label == "a\ufffd"
    assert _labelled("a\U0001f600", ("a",)).label == "a\U0001f600"
