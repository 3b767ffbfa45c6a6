"""``newsgauge.load_run``: a finished run for a notebook or a script."""

from __future__ import annotations

from pathlib import Path

import pytest

import newsgauge


def test_results_are_a_frame_of_one_row_per_case(finished: Path) -> None:
    frame = newsgauge.load_run(finished).results_frame()
    assert len(frame) == 80
    tuned = frame[frame["variant"] == "tuned"]
    assert (int(tuned["correct"].sum()), len(tuned)) == (36, 40)  # the run has every tenth post wrong
    assert tuned["input_tokens"].tolist() == [100 + post % 7 for post in range(40)]
    assert tuned["id"].iloc[1] == "sci.med-1"


def test_a_case_without_an_answer_has_no_tokens_and_is_not_right(finished: Path) -> None:
    path = finished / "results.csv"
    first, *rest = path.read_text("utf-8").splitlines()
    assert first.startswith("id,variant,label,prediction,correct,outcome,detail,input_tokens,output_tokens")
    path.write_text("\n".join([first, "rec.autos-0,plain,rec.autos,,0,,,,,,item,no recording", *rest[1:]]) + "\n")
    row = newsgauge.load_run(finished).results_frame().iloc[0]
    assert not row["correct"]
    assert row[["input_tokens", "output_tokens"]].isna().all()
    assert row["broken"] == "no recording"


def test_scores_are_a_frame_of_one_row_per_variant(finished: Path) -> None:
    frame = newsgauge.load_run(finished).scores_frame()
    assert frame.index.tolist() == ["plain", "tuned"]
    assert frame.loc["tuned", "accuracy"] == pytest.approx(0.9)
    # Wilson's 95% interval of 36 of 40, from R's binom package: 0.7695 to 0.9604.
    assert frame.loc["tuned", ["low", "high"]].tolist() == pytest.approx([0.7695, 0.9604], abs=5e-5)


def test_a_folder_without_a_run_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(newsgauge.NewsgaugeError, match="expected a folder of results, as pytest evals leaves"):
        newsgauge.load_run(tmp_path / "none")
