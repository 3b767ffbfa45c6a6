"""Folders of results that are not what they should be: one line that says which file and what to run."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cli.main import main
from newsgauge.errors import UsageError
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.results.result_files import write_results
from newsgauge.results.run_folder import load_run
from tests.report.report_runs import PROMPTS, write_run

ROOT = Path(__file__).resolve().parents[2]


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_run_is_read_as_it_was_written(finished: Path) -> None:
    run = load_run(finished)
    with (finished / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r.post_id, r.variant, int(r.correct)) for r in run.results] == [
        (row["id"], row["variant"], int(row["correct"])) for row in rows
    ]
    assert run.variants == ("plain", "tuned")


@pytest.mark.parametrize("answer", ["a\rb", "a\r\nb", 'a,"b"\nc', " a ", "", "a\x0bb\u2028c"])
def test_an_answer_is_read_letter_for_letter(finished: Path, answer: str) -> None:
    said = Prediction(answer, Outcome.OFF_LIST, "", 1, 1, "m")
    written = (Result("sci.med-1", "tuned", "sci.med", said), Result("sci.med-4", "tuned", "sci.med", said))
    write_results(finished, written)
    assert load_run(finished).results == written


def test_the_frame_has_the_columns_of_results_csv_and_their_counts_as_numbers(finished: Path) -> None:
    said = Prediction("sci.med", Outcome.LABEL, "", 40, 73, "m", thinking_tokens=72, cached_tokens=8, tool_use_tokens=5)
    broken = Result("sci.med-4", "tuned", "sci.med", None, "no answer")
    write_results(finished, (Result("sci.med-1", "tuned", "sci.med", said), broken))
    frame = load_run(finished).results_frame()
    page = (ROOT / "docs" / "report.md").read_text("utf-8")
    documented = re.sub(r"\([^)]*\)", "", page.partition("\n`results.csv`: ")[2].partition("\n\n")[0])
    assert list(frame.columns) == re.findall(r"`(\w+)`", documented)
    counts = ["input_tokens", "cached_tokens", "tool_use_tokens", "output_tokens", "thinking_tokens"]
    assert frame.loc[0, counts].tolist() == [40, 8, 5, 73, 72]
    assert frame.loc[1, counts].isna().all()


def test_every_key_of_every_file_is_in_the_documentation(finished: Path) -> None:
    formats = (ROOT / "docs" / "report.md").read_text("utf-8").partition("## Formats")[2]
    documented = set(re.findall(r"`(\w+)`", formats)) | {"plain", "tuned"}
    for path in sorted(finished.glob("*.json")):
        if path.name != "posts.json":
            names = {name for name in keys_of(json.loads(path.read_text())) if not re.fullmatch(r"[\w.]+-\d+", name)}
            assert names <= documented, path.name
    assert set((finished / "results.csv").read_text().splitlines()[0].split(",")) <= documented


def keys_of(value: object) -> Iterator[str]:
    """The names of all objects in a JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


def break_scoreboard(folder: Path) -> None:
    (folder / "scoreboard.json").write_text('{"run": ')


def older_version(folder: Path) -> None:
    variants = json.loads((folder / "scoreboard.json").read_text())["variants"]
    del variants["tuned"]["confusion"]
    change(folder / "scoreboard.json", variants=variants)


def half_a_run(folder: Path) -> None:
    gates = json.loads((folder / "gates.json").read_text())
    change(folder / "gates.json", run={**gates["run"], "plan": "0123456789ab"}, complete=False)


def other_results(folder: Path) -> None:
    path = folder / "results.csv"
    path.write_text(path.read_text().replace(",tuned,", ",other,"))


def cut_results(folder: Path) -> None:
    path = folder / "results.csv"
    path.write_text(path.read_text()[:-40])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: shutil.rmtree(folder), "expected a folder of results"),
        (lambda folder: (folder / "scoreboard.json").unlink(), "expected scoreboard.json, it is not there"),
        (lambda folder: (folder / "results.csv").unlink(), "expected results.csv, it is not there"),
        (break_scoreboard, "scoreboard.json: not readable as JSON"),
        (lambda folder: (folder / "gates.json").write_text("[]"), "gates.json: expected an object, got list"),
        (older_version, "no 'confusion': written by another version of newsgauge"),
        (half_a_run, "gates.json is about plan 0123456789ab"),
        (other_results, "other is not in scoreboard.json"),
        (cut_results, "results.csv: expected columns"),
    ],
)
def test_a_damaged_folder_is_one_line_and_no_report_is_touched(
    finished: Path, capsys: pytest.CaptureFixture[str], damage: Any, said: str
) -> None:
    damage(finished)
    before = (finished / "report.html").read_bytes() if finished.exists() else b""
    assert main(["report", str(finished)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not before or (finished / "report.html").read_bytes() == before


@pytest.mark.parametrize("name", ["learning_curve", "loss_curve", "suspect_labels", "token_counts"])
def test_what_an_eval_of_another_plan_left_is_not_shown(finished: Path, name: str) -> None:
    assert name in load_run(finished).exhibits
    change(finished / f"{name}.json", plan="0123456789ab")
    assert name not in load_run(finished).exhibits


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"format": 2}, "expected format 1 with a list 'losses', written by another version"),
        ({"losses": {}}, "expected format 1 with a list 'losses'"),
        ({"losses": [{"step": 1}]}, "expected step, epoch, mean_loss in each of 'losses'"),
    ],
)
def test_a_curve_that_is_none_is_one_line(
    finished: Path, capsys: pytest.CaptureFixture[str], values: dict[str, Any], said: str
) -> None:
    change(finished / "loss_curve.json", **values)
    assert main(["report", str(finished)]) == 2
    assert said in capsys.readouterr().err


def test_tokens_of_an_older_run_are_not_shown_as_those_of_this_one(finished: Path) -> None:
    change(finished / "tokens.json", plan="0123456789ab")
    change(finished / "posts.json", plan="0123456789ab")
    run = load_run(finished)
    assert run.tokens is None
    assert run.posts == {}
    assert main(["report", str(finished)]) == 0
    assert "holds no tokens.json of this run" in (finished / "report.html").read_text("utf-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_line(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished.chmod(0o500)
    try:
        assert main(["report", str(finished)]) == 2
    finally:
        finished.chmod(0o700)
    assert "cannot write" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_leaves_nothing_half(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (finished / "taken").write_text("a file where a folder is needed")
    assert main(["compare", str(finished), str(finished), "--html", str(finished / "taken" / "x.html")]) == 2
    assert "--html: cannot write" in capsys.readouterr().err


def test_two_runs_are_compared_post_by_post(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # tuned is wrong on posts 0, 10, 20, 30 in the first run, on 7, 17, 27, 37 in the second; plain never differs.
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", shift=3)
    assert main(["compare", str(first), str(second)]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if " 40 " in line}
    assert rows["tuned"][1:5] == ["40", "90.0%", "90.0%", "0.0"]
    assert rows["tuned"][-3:] == ["4", "4", "1"]
    assert rows["plain"][-3:] == ["0", "0", "1"]
    assert "tuned: no difference shown, 0.0 points" in out
    assert "nothing that these folders know of changed" in out
    assert "  gained rec.autos-0: was sci.med, now rec.autos" in out
    assert "  lost   sci.med-7: was sci.med, now sci.space" in out
    assert max(map(len, out.replace(str(tmp_path), "").splitlines())) <= 100
    page = (first / "comparison.html").read_text("utf-8")
    assert "rec.autos-0" in page
    assert "plan differs" not in page


def test_the_second_run_is_held_against_the_first_and_what_changed_comes_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # In the second run plain answers every post with its label: 10 posts that quoted the post before, 0 lost.
    first = write_run(tmp_path / "a")
    second = write_run(tmp_path / "b", prompts={**PROMPTS, "plain": "Say:\n{post}"})
    path = second / "results.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for row in rows:
        if row["variant"] == "plain":
            row |= {"prediction": row["label"], "outcome": "label", "model_version": "gemini-3.5-flash-lite"}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert main(["compare", str(first), str(second)]) == 0
    out = capsys.readouterr().out
    # Exact McNemar, two-sided, of 10 against 0: 2 / 2**10.
    assert "plain: better, +25.0 points [" in out
    assert "], p = 0.002, n = 40" in out
    assert out.index("plain: prompt: changed") < out.index("plain: better")
    page = (first / "comparison.html").read_text("utf-8")
    assert "<ins>Say:\n</ins>{post}</pre>" in page
    assert main(["compare", str(second), str(first)]) == 0
    assert "plain: worse, −25.0 points" in capsys.readouterr().out


def test_runs_of_other_posts_are_compared_on_what_they_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", n_posts=25, variants=("tuned",), verdicts=())
    assert main(["compare", str(first), str(second)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^plan: \w+ -> \w+$", out, re.MULTILINE)
    assert "texts: 40 -> 25" in out
    assert "only in" in out
    assert "note: tuned: 25 texts in common, 15 left out" in out


def test_two_runs_can_be_held_to_a_drop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """40 posts: without a flip the largest drop that they exclude is 1 - .05^(1/40) = 7.2 points."""
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", shift=3)
    assert main(["compare", str(first), str(first), "--gate", "--max-drop", "0.08"]) == 0
    out = capsys.readouterr().out
    assert out.count("PASS") == 2
    assert main(["compare", str(first), str(second), "--gate"]) == 1
    out = capsys.readouterr().out
    verdicts = {line.split()[1]: line for line in out.splitlines() if line.startswith("INCONCLUSIVE")}
    assert "gained 4, lost 4" in verdicts["tuned"]
    assert "if nothing changed and texts flip as often as here, 8 of 40" in verdicts["tuned"]
    assert "some 59 texts would decide" in verdicts["plain"]


@pytest.mark.parametrize(
    "options", [["--gate", "--max-drop", "5"], ["--gate", "--max-drop", "x"], ["--max-drop", "0.1"]]
)
def test_a_drop_that_cannot_be_meant_is_one_line(
    finished: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert main(["compare", str(finished), str(finished), *options]) == 2
    assert "newsgauge: --max-drop: " in capsys.readouterr().err


def test_runs_that_share_nothing_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write_run(tmp_path / "a", variants=("plain",), verdicts=())
    second = write_run(tmp_path / "b", variants=("tuned",), verdicts=())
    assert main(["compare", str(first), str(second)]) == 2
    assert "nothing to compare" in capsys.readouterr().err


def test_a_run_is_not_compared_with_a_folder_that_is_none(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected scoreboard"):
        load_run(tmp_path)
