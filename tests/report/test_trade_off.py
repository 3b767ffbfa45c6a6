"""What accuracy and cost say together: who is dominated, and the cheapest variant that passes its gates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.report.findings import trade_off
from newsgauge.results.run_folder import RunFolder, load_run


def run_of(finished: Path, places: dict[str, tuple[float, float]], gates: dict[str, bool]) -> RunFolder:
    """A run whose variants have these accuracies and tokens per post, and whose gates passed or not."""
    run = load_run(finished)
    some = run.scores["tuned"]
    return replace(
        run,
        scores={name: {**some, "accuracy": accuracy} for name, (accuracy, _) in places.items()},
        tokens={
            "variants": {
                name: {"input": {"mean": tokens}, "output": {"mean": 0.0}, "cost": {}}
                for name, (_, tokens) in places.items()
            }
        },
        gates={"gates": [{"gate": name, "variant": name, "passed": passed} for name, passed in gates.items()]},
    )


@pytest.mark.parametrize(
    ("places", "dominated"),
    [
        ({"a": (0.8, 100.0), "b": (0.9, 200.0)}, {}),  # each is better in one of the two
        ({"a": (0.8, 100.0), "b": (0.8, 100.0)}, {}),  # neither is better in any
        ({"a": (0.8, 100.0), "b": (0.8, 101.0), "c": (0.7, 100.0)}, {"b": ["a"], "c": ["a"]}),
        ({"a": (0.8, 100.0), "a+typos": (0.7, 100.0)}, {}),  # no choice, but the same about other texts
    ],
)
def test_a_variant_is_dominated_by_one_that_is_as_good_in_both_and_better_in_one(
    finished: Path, places: dict[str, tuple[float, float]], dominated: dict[str, Any]
) -> None:
    assert run_of(finished, places, {}).dominated == dominated


def test_the_cheapest_variant_is_looked_for_among_those_whose_gates_all_passed(finished: Path) -> None:
    places = {"a": (0.7, 10.0), "b": (0.8, 20.0), "c": (0.9, 30.0)}
    assert run_of(finished, places, {"a": False, "b": True, "c": True}).cheapest_passing == "b"
    assert run_of(finished, places, {"a": False}).cheapest_passing is None
    said = trade_off(run_of(finished, {**places, "d": (0.6, 40.0)}, {"c": True}))
    assert said == (
        "cheapest variant that passes all its gates: c; dominated, as another is at least as accurate and costs no "
        "more: d"
    )


def test_of_a_single_variant_nothing_is_said(finished: Path) -> None:
    assert trade_off(run_of(finished, {"a": (0.7, 10.0)}, {"a": True})) == ""
