"""A limit and a baseline are about the classes that they were set for: among other labels the question is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.errors import GatesError
from newsgauge.gates.baseline_file import Baseline, BaselineVariant
from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Gate
from newsgauge.gates.gates_file import limits_of_other_classes, load_gates, plan_gates
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.planning.sampling import Plan
from newsgauge.records import Post

EIGHT = Plan("made", "^rec|^sci", None, 0, False, "clean", ("a",), (Post("p-0", "a", "text"),))
TWENTY = replace(EIGHT, classes=".")
ANY = Limit("max_error_rate", 0.0, "r")
OF_EIGHT = Limit("min_accuracy", 0.75, "r", classes="^rec|^sci")
GATES = (LimitsGate("v", "v", (OF_EIGHT, ANY)), LimitsGate("w", "w", (OF_EIGHT,)), BaselineGate("v-baseline", "v", 0.1))
BASELINE = Baseline("b", "c", "p", {"classes": "^rec|^sci"}, {"v": BaselineVariant("d", (), {}, {"p-0": "a"})})


def planned(plan: Plan, *, live: bool) -> tuple[Gate, ...]:
    return plan_gates(GATES, variants=("v", "w"), plan=plan, baseline=BASELINE, live=live, updating=False)[0]


@pytest.mark.parametrize("live", [False, True])
def test_a_run_of_the_classes_they_are_set_for_is_held_to_all(live: bool) -> None:
    assert planned(EIGHT, live=live) == GATES
    assert limits_of_other_classes(GATES, EIGHT) == []


@pytest.mark.parametrize("live", [False, True])
def test_a_run_of_other_classes_is_held_to_what_is_about_any(live: bool) -> None:
    assert planned(TWENTY, live=live) == (LimitsGate("v", "v", (ANY,)),)
    assert limits_of_other_classes(GATES, TWENTY) == [
        f"{name} min_accuracy 0.75 (set for '^rec|^sci')" for name in "vw"
    ]


def test_classes_stand_beside_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text('[embedded.own.v]\nmin_accuracy = { limit = 0.75, classes = "^rec", reason = "r" }\n')
    (gate,) = load_gates(path, backend="embedded", corpus="own", known=["v"])
    assert gate == LimitsGate("v", "v", (Limit("min_accuracy", 0.75, "r", classes="^rec"),))
    path.write_text('[embedded.own.v]\nmin_accuracy = { limit = 0.75, classes = 8, reason = "r" }\n')
    with pytest.raises(GatesError, match="expected 'classes' to be what --classes is given, got 8"):
        load_gates(path, backend="embedded", corpus="own", known=["v"])
