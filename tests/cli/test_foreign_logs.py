"""Logs that other tools wrote, cut to what counts, are scored to the digits that these tools printed."""

from __future__ import annotations

import json
import shutil
from math import exp
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
    run = load_run(Path(".newsgauge/score"))
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
    run = load_run(Path(".newsgauge/score"))
    assert run.scores["echoing"]["n_correct"] == stats["successes"] == 2
    assert run.scores["echoing"]["n"] == stats["successes"] + stats["failures"] == 3
    assert {one.post_id: one.label for one in run.results} == {"t-0": "bug", "t-1": "bill", "t-2": "bill"}


def test_lm_evaluation_harness(capsys: pytest.CaptureFixture[str]) -> None:
    printed = 0.75  # | tickets | none | acc | 0.75 |, as it printed
    assert main(["score", str(LOGS / "samples_tickets.jsonl"), "--variant", "dummy"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/score"))
    assert run.scores["dummy"]["accuracy"] == printed
    assert {one.label for one in run.results} == {"bug", "bill"}
    first = next(one.prediction for one in run.results if one.post_id == "0")
    assert first is not None
    # The odds of the likelier choice, of log-likelihoods -0.260 and -0.805.
    assert first.confidence == pytest.approx(1 / (1 + exp(0.2604923103919594 - 0.8050278270130223)))


def test_a_text_that_a_model_of_the_harness_made_is_judged_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"doc_id": 0, "target": "bug", "filtered_resps": ["Bug"], "filter": "strict", "exact_match": 0.0}
    lenient = {**row, "filter": "lenient", "exact_match": 1.0}
    Path("samples.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(lenient) + "\n")
    assert main(["score", "samples.jsonl", "--variant", "m"]) == 0, capsys.readouterr()
    scores = load_run(Path(".newsgauge/score")).scores
    assert {name: one["n_correct"] for name, one in scores.items()} == {"m-strict": 0, "m-lenient": 1}
    asked = {"gen_args_0": {"arg_0": "Text 0 Label:", "arg_1": {"until": ["\n"]}}}
    several = {**row, "filter": "three", "filtered_resps": [["bug", "bill", "bug"]], "arguments": asked}
    Path("samples.jsonl").write_text(json.dumps(several) + "\n")
    assert main(["score", "samples.jsonl", "--variant", "m"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/score"))
    assert (run.scores["m"]["n_correct"], run.scores["m"]["n"], run.run["repeats"]) == (2, 3, {"m": 3})


def test_epochs_tokens_and_log_probabilities_of_inspect_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    """As it wrote the archive, packed with Zstandard: accuracy 0.833; 339 tokens [I: 249, CR: 48, O: 42, R: 30]."""
    assert main(["score", str(LOGS / "epochs.eval"), "--variant", "gpt"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/score"))
    score = run.scores["gpt"]
    assert round(score["accuracy"], 3) == 0.833
    assert (score["n"], run.run["repeats"]) == (6, {"gpt": 2})
    tokens = [score[f"{name}_tokens"] for name in ("input", "cached", "output", "thinking")]
    assert tokens == [249 + 48, 48, 42, 30]
    sure = [one.prediction.confidence for one in run.results if one.prediction]
    assert min(sure) == pytest.approx(exp(-0.46 / 2))  # type: ignore[type-var]  # tokens of -0.16 and -0.3
    assert "confidence" in capsys.readouterr().out
    Path("cut.eval").write_bytes((LOGS / "epochs.eval").read_bytes()[:-50])
    assert main(["score", "cut.eval"]) == 2
    assert "cut.eval: expected a log of Inspect that is over" in capsys.readouterr().err


def test_repeats_tokens_and_log_probabilities_of_promptfoo_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    stats = json.loads((LOGS / "repeated.json").read_text())["results"]["stats"]
    assert main(["score", str(LOGS / "repeated.json"), "--variant", "gpt"]) == 0, capsys.readouterr()
    run = load_run(Path(".newsgauge/score"))
    score = run.scores["gpt"]
    assert (score["n_correct"], score["n"], run.run["repeats"]) == (stats["successes"], 6, {"gpt": 2})
    use, parts = stats["tokenUsage"], stats["tokenUsage"]["completionDetails"]
    tokens = [score[f"{name}_tokens"] for name in ("input", "cached", "output", "thinking")]
    assert tokens == [use["prompt"], parts["cacheReadInputTokens"], use["completion"], parts["reasoning"]]
    rows = json.loads((LOGS / "repeated.json").read_text())["results"]["results"]
    costs = sum(row["cost"] for row in rows)  # by its own list of prices
    assert run.cost_per_1000("gpt") == pytest.approx(1000 * costs / 6)
    sure = sorted(one.prediction.confidence for one in run.results if one.prediction)  # type: ignore[type-var]
    assert sure == pytest.approx(sorted(exp(sum(row["response"]["logProbs"]) / 2) for row in rows))


def test_a_sample_of_another_shape_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(LOGS / "inspect.json", "log.json")
    whole = json.loads(Path("log.json").read_text())
    del whole["samples"][0]["target"]
    Path("log.json").write_text(json.dumps(whole))
    assert main(["score", "log.json"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "log.json: expected a log of Inspect, but one of its samples has an unknown form (KeyError" in err
