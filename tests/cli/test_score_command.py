"""``newsgauge score``: predictions made elsewhere are scored, gated, compared and reported as a run is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score, f1_score

from newsgauge.cli.main import main
from newsgauge.results.run_folder import load_run

ROOT = Path(__file__).resolve().parents[2]
LABELS = ["a", "a", "a", "b", "b", "c"]
SAID = ["a", "b", "a", "b", "b", "b"]
GATES = """
[elsewhere.tickets.svm]
min_accuracy = { limit = 0.6, bound = "value", reason = "a made-up limit" }
[elsewhere.tickets.bert]
min_accuracy = { limit = 0.9, bound = "value", reason = "a made-up limit" }
[elsewhere.others.svm]
min_accuracy = { limit = 1.0, bound = "value", reason = "of other data" }
"""
GATES_OF_CONFIDENCE = """
[elsewhere.tickets.svm]
min_accuracy_at = { coverage = 0.6, limit = 0.4, reason = "a made-up limit" }
max_calibration_error = { limit = 0.5, reason = "a made-up limit" }
"""
Score = Callable[..., tuple[int, str, str]]


@pytest.fixture
def score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Score:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(["score", *arguments]), *capsys.readouterr()

    return run


def rows(variant: str = "svm", said: list[str] = SAID, **more: Any) -> list[dict[str, Any]]:
    pairs = enumerate(zip(LABELS, said, strict=True), 1)
    return [{"id": n, "label": label, "prediction": one, "variant": variant, **more} for n, (label, one) in pairs]


def write(name: str, table: list[dict[str, Any]]) -> str:
    path = Path(name)
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
    else:
        import pandas as pd

        pd.DataFrame(table).to_parquet(path)
    return name


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.jsonl", "tickets.parquet"])
def test_every_kind_of_table_has_the_scores_that_scikit_learn_computes(score: Score, name: str) -> None:
    table = rows(input_tokens=10, output_tokens=3, thinking_tokens=2, model="svm-7")
    Path(".newsgauge/results").mkdir(parents=True)
    Path(".newsgauge/results/gates.json").write_text("the verdict of a run")
    status, out, _ = score(write(name, table))
    assert (status, "no gate decided" in out) == (0, True)
    assert Path(".newsgauge/results/gates.json").read_text() == "the verdict of a run"
    found = load_run(Path(".newsgauge/score")).scores["svm"]
    assert found["accuracy"] == pytest.approx(accuracy_score(LABELS, SAID))
    assert found["macro_f1"] == pytest.approx(f1_score(LABELS, SAID, average="macro"))
    assert (found["n"], found["n_planned"], found["model_versions"]) == (6, 6, ["svm-7"])
    tokens = json.loads(Path(".newsgauge/score/tokens.json").read_text())["variants"]["svm"]
    assert "svm-7" in json.dumps(tokens)
    assert Path(".newsgauge/score/report.html").stat().st_size > 1_000
    assert "elsewhere (predictions made elsewhere) on tickets: 6 texts" in out


def test_a_column_of_confidences_is_the_confidence_of_the_answers(
    score: Score, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("evals").mkdir()
    Path("evals/gates.toml").write_text(GATES_OF_CONFIDENCE)
    sure = [0.9, 0.4, 0.8, 0.95, 0.7, 0.2]  # the four that are right are the four that are most sure
    table = [{**row, "confidence": one} for row, one in zip(rows(), sure, strict=True)]
    status, out, _ = score(write("tickets.csv", table))
    assert (status, "PASS  svm-confident: accuracy of the most confident 60% 100.0% of 4" in out) == (0, True), out
    found = load_run(Path(".newsgauge/score"))
    assert [one.prediction.confidence for one in found.results if one.prediction] == sure
    assert (0.6666666666666666, 1.0) in map(tuple, found.scores["svm"]["confidence"]["curve"])
    assert main(["threshold", "--variant", "svm", "--results", ".newsgauge/score", "--held-out", "0"]) == 3
    assert "svm: no threshold is certified for 95.0% on 6 texts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"tokens": 13}, (78, 0)),
        ({"tokens": 13, "output_tokens": 3}, (60, 18)),
        ({"tokens": 13, "input_tokens": 10}, (60, 18)),
        ({"tokens": 13, "input_tokens": 10, "output_tokens": 3}, (60, 18)),
        ({"input_tokens": 10, "output_tokens": 3}, (60, 18)),
    ],
)
def test_tokens_count_and_cost(score: Score, told: dict[str, Any], counted: tuple[int, int]) -> None:
    """gpt-5-mini: 0.25 and 2 dollars for a million tokens in and out."""
    status, out, _ = score(write("tickets.csv", rows(model="gpt-5-mini", **told)))
    found = load_run(Path(".newsgauge/score"))
    assert (status, *(found.scores["svm"][f"{name}_tokens"] for name in ("input", "output"))) == (0, *counted)
    assert found.cost_per_1000("svm") == pytest.approx((counted[0] * 0.25 + counted[1] * 2) / 6 / 1000)
    assert ("so a cost is a lower bound" in out) is (list(told) == ["tokens"])


def test_tokens_that_nobody_told_pass_no_limit(score: Score) -> None:
    Path("evals").mkdir()
    limit = '= { limit = 20, reason = "made up" }'
    Path("evals/gates.toml").write_text(f"[elsewhere.tickets.svm]\nmax_output_tokens_mean {limit}")
    status, out, _ = score(write("tickets.csv", rows(tokens=13, note="x")))
    assert (status, "FAIL  svm: output tokens per text was not measured; limit: at most 20.0" in out) == (1, True), out
    assert "tickets.csv: columns that are not read: 'note'" in out
    status, out, _ = score(write("tickets.csv", rows()))
    assert (status, "6 of them answered without token counts" in " ".join(out.split())) == (1, True), out


def test_gates_decide_and_those_of_other_data_do_not(score: Score) -> None:
    Path("evals").mkdir()
    Path("evals/gates.toml").write_text(GATES)
    table = write("tickets.csv", rows() + rows("bert", ["a", "a", "a", "b", "b", "c"]))
    status, out, _ = score(table)
    assert (status, "GREEN: 2 of 2 gates passed" in out) == (0, True), out
    status, out, _ = score(write("tickets.csv", rows() + rows("bert")))
    assert (status, "FAIL  bert: accuracy 66.7% of 6" in out) == (1, True), out
    status, out, _ = score(write("tickets.csv", rows()))
    assert (status, "gates left out: bert" in out) == (1, True), out
    status, out, _ = score(write("mine.csv", rows()), "--name", "tickets", "--variant", "other")
    assert status == 1


def test_a_missing_prediction_is_red_and_no_wrong_answer(score: Score) -> None:
    status, out, _ = score(write("tickets.csv", [*rows(), *rows("bert")[:-1]]))
    assert status == 1
    assert "1 case has no answer: 1 of bert" in out
    assert load_run(Path(".newsgauge/score")).scores["bert"]["n"] == 5


def test_a_baseline_is_written_and_what_changed_is_told_afterwards(score: Score) -> None:
    status, out, _ = score(write("tickets.csv", rows()), "--update-baseline")
    assert (status, Path("evals/baselines/elsewhere/tickets.json").is_file()) == (0, True), out
    status, out, _ = score(write("tickets.csv", rows(said=["a", "a", "a", "b", "a", "b"])))
    assert status == 0, out
    assert "1 gained, 1 lost, of 6 texts" in out, out


def test_two_runs_are_compared(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(write("tickets.csv", rows()), "--results", "one")[0] == 0
    assert score(write("tickets.csv", rows(said=LABELS)), "--results", "two")[0] == 0
    assert main(["compare", "one", "two"]) == 0
    assert "svm" in capsys.readouterr().out


def test_without_labels_the_corpus_says_what_is_right_for_the_plan_of_a_run(score: Score, tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "bundled").symlink_to(ROOT / "fixtures" / "bundled")
    from newsgauge.corpora.corpus import find_corpus

    posts = find_corpus("bundled", bundled=tmp_path / "fixtures" / "bundled").posts("test")
    space = [post for post in posts if post.label == "sci.space"]
    table = [{"id": post.id if n % 2 else post.number, "prediction": "sci.space"} for n, post in enumerate(space)]
    plan = ["--corpus", "bundled", "--classes", "^sci.space$", "--posts-per-class", "3"]
    status, out, _ = score(write("space.csv", [*table, {"id": "sci.space-0", "prediction": "x"}]), *plan)
    assert status == 0, out
    assert "on bundled: 3 posts, plan " in out
    assert f"{len(table) - 2} predictions are of texts that are not planned, and left out; the first: " in out
    scores = load_run(Path(".newsgauge/score")).scores["space"]
    assert (scores["n"], scores["accuracy"]) == (3, 1.0)


def test_repeats_are_answers_to_the_same_post(score: Score) -> None:
    table = rows(repeat=1) + [{**row, "prediction": "a"} for row in rows(repeat=2)]
    status, out, _ = score(write("tickets.csv", table))
    assert status == 0, out
    assert load_run(Path(".newsgauge/score")).run["repeats"] == {"svm": 2}


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        ([{"id": 1, "label": "a"}], [], "expected a column 'prediction', found 'id', 'label'. Name yours"),
        (rows() + rows(), [], "row 7: 1 of svm was already predicted in t.csv: row 1; if it was asked more than once"),
        ([*rows(), {**rows("b")[0], "label": "z"}], [], "row 7: 1 has label 'z' here, and 'a' in t.csv: row 1"),
        ([{**rows()[0], "id": ""}], [], "row 1: expected an id, it is empty"),
        (rows(confidence=1.5), [], "row 1: confidence: expected a number from 0 to 1, got '1.5'"),
        (rows(input_tokens=-1), [], "row 1: input_tokens: expected a whole number from 0, got '-1'"),
        (rows(tokens=5, input_tokens=7), [], "row 1: tokens: expected input_tokens and output_tokens together, got 5"),
        (rows(input_tokens="many"), [], "row 1: input_tokens: expected a whole number from 0, got 'many'"),
        (rows(repeat=0), [], "row 1: repeat: expected a whole number from 1, got '0'"),
        (rows(), ["--prediction-columns", "model=engine"], "expected a column 'engine'"),
        (rows(), ["--prediction-columns", "modell=engine"], "--prediction-columns: expected NAME=COLUMN"),
    ],
)
def test_a_mistake_is_one_line(score: Score, table: list[dict[str, Any]], options: list[str], words: str) -> None:
    status, out, err = score(write("t.csv", table), *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize(
    "arguments", [["none.csv"], ["wrong.csv"], ["right.csv", "--bogus"], ["right.csv", "--seed", "x"]]
)
def test_an_older_verdict_does_not_outlive_a_refusal(score: Score, arguments: list[str]) -> None:
    write("right.csv", rows())
    write("wrong.csv", [{"id": 1}])
    assert score("right.csv")[0] == 0
    folder = Path(".newsgauge/score")
    with suppress(SystemExit):
        assert score(*arguments)[0] == 2
    for name in ("gates.json", "report.html", "summary.md"):
        assert not (folder / name).exists()


@pytest.mark.parametrize("name", ["results.csv", "results.parquet"])
def test_predictions_that_lie_where_the_results_go_are_read_before_they_are_replaced(score: Score, name: str) -> None:
    write("tickets.csv", rows())
    assert score("tickets.csv")[0] == 0
    assert score(f".newsgauge/score/{name}")[0] == 0


def test_files_that_are_none_are_told(score: Score) -> None:
    assert "none.csv: expected a file of predictions, there is none" in score("none.csv")[2]
    Path("x.txt").write_text("x")
    assert "x.txt: expected a csv, tsv, jsonl or parquet file" in score("x.txt")[2]
    Path("empty.csv").write_text("id,prediction,label\n")
    assert "there is no row" in score("empty.csv")[2]
