"""Logs that other tools wrote, cut to what counts, are scored to the digits that these tools printed."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.results.run_folder import load_run

LOGS = Path(__file__).parent / "foreign_logs"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_inspect(capsys: pytest.CaptureFixture[str]) -> None:
    printed = json.loads((LOGS / "inspect.json").read_text())["results"]["scores"][0]["metrics"]["accuracy"]["value"]
    assert main(["score", str(LOGS / "inspect.json"), "--name", "tickets"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/results"))
    (score,) = run.scores.values()
    assert score["accuracy"] == printed == pytest.approx(4 / 6)
    assert list(run.scores) == ["task-mockllm/model"]
    first = run.results[0].prediction
    assert first is not None
    assert (first.input_tokens, first.model_version) == (2, "mockllm/model")
    # The tool's scorer found the label in a sentence, and says so; here it is told.
    assert [one.prediction.detail for one in run.results if one.prediction and one.prediction.detail] == [
        "right as the tool judged it"
    ] * 3


def test_promptfoo(capsys: pytest.CaptureFixture[str]) -> None:
    stats = json.loads((LOGS / "output.json").read_text())["results"]["stats"]
    assert main(["score", str(LOGS / "output.json"), "--name", "tickets"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/results"))
    assert run.scores["echoing"]["n_correct"] == stats["successes"] == 2
    assert run.scores["echoing"]["n"] == stats["successes"] + stats["failures"] == 3
    assert {one.post_id: one.label for one in run.results} == {"t-0": "bug", "t-1": "bill", "t-2": "bill"}


def test_lm_evaluation_harness(capsys: pytest.CaptureFixture[str]) -> None:
    printed = 0.75  # | tickets | none | acc | 0.75 |, as it printed
    assert main(["score", str(LOGS / "samples_tickets.jsonl"), "--variant", "dummy"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/results"))
    assert run.scores["dummy"]["accuracy"] == printed
    assert {one.label for one in run.results} == {"bug", "bill"}


def test_a_text_that_a_model_of_the_harness_made_is_judged_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"doc_id": 0, "target": "bug", "filtered_resps": ["Bug"], "filter": "strict", "exact_match": 0.0}
    lenient = {**row, "filter": "lenient", "exact_match": 1.0}
    Path("samples.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(lenient) + "\n")
    assert main(["score", "samples.jsonl", "--variant", "m"]) == 0, capsys.readouterr()
    scores = load_run(Path(".newsgauge/results")).scores
    assert {name: one["n_correct"] for name, one in scores.items()} == {"m-strict": 0, "m-lenient": 1}


def test_a_log_of_inspect_is_an_archive_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads((LOGS / "inspect.json").read_text())
    with zipfile.ZipFile("log.eval", "w") as log:
        log.writestr("header.json", json.dumps({"eval": whole["eval"]}))
        for sample in whole["samples"]:
            log.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
    assert main(["score", "log.eval", "--variant", "mock"]) == 0, capsys.readouterr()
    assert load_run(Path(".newsgauge/results")).scores["mock"]["n_correct"] == 4
    Path("cut.eval").write_bytes(Path("log.eval").read_bytes()[:-50])
    capsys.readouterr()
    assert main(["score", "cut.eval"]) == 2
    assert "cut.eval: expected a log of Inspect that is over" in capsys.readouterr().err


def test_a_sample_of_another_shape_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(LOGS / "inspect.json", "log.json")
    whole = json.loads(Path("log.json").read_text())
    del whole["samples"][0]["target"]
    Path("log.json").write_text(json.dumps(whole))
    assert main(["score", "log.json"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "log.json: expected a log of Inspect, but one of its samples has an unknown form (KeyError" in err
