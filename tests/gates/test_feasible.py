"""A plan too small for its gates is told so before anything is asked."""

from __future__ import annotations

import pytest

from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gates_file import undecidable
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.planning.sampling import Plan
from newsgauge.records import Post


def plan(n: int) -> Plan:
    posts = tuple(Post(f"p-{i}", "ab"[i % 2], "text") for i in range(n))
    return Plan("made", "", None, 0, False, "clean", ("a", "b"), posts)


# Fewest posts, all right, that prove a floor, and fewest without a flip that exclude a drop: docs/statistics.md.
@pytest.mark.parametrize(("floor", "needed"), [(0.80, 14), (0.85, 19), (0.90, 29), (0.95, 59)])
def test_a_floor_takes_so_many_posts(floor: float, needed: int) -> None:
    gate = LimitsGate("v", "v", (Limit("min_accuracy", floor, "r"),))
    assert undecidable([gate], plan(needed)) == []
    assert undecidable([gate], plan(needed - 1)) == [f"v: min_accuracy {floor:g} takes at least {needed} posts"]


def test_a_ceiling_takes_as_many_posts_as_the_floor_on_its_opposite() -> None:
    gate = LimitsGate("v", "v", (Limit("max_error_rate", 0.05, "r"),))
    assert undecidable([gate], plan(59)) == []
    assert undecidable([gate], plan(58)) == ["v: max_error_rate 0.05 takes at least 59 posts"]


@pytest.mark.parametrize(("drop", "needed"), [(0.10, 29), (0.05, 59), (0.02, 149)])
def test_a_drop_takes_so_many_posts(drop: float, needed: int) -> None:
    gate = BaselineGate("v-baseline", "v", drop, "r")
    assert undecidable([gate], plan(needed)) == []
    assert len(undecidable([gate], plan(needed - 1))) == 1


def test_a_comparison_takes_five_posts_and_a_recall_its_number_a_class() -> None:
    beats = ComparisonGate("v-beats-w", "v", "w", 0.0, "r")
    assert undecidable([beats], plan(5)) == []
    assert undecidable([beats], plan(4)) == ["v-beats-w takes at least 5 posts"]
    recall = LimitsGate("v", "v", (Limit("min_class_recall", 0.8, "r"),))
    assert undecidable([recall], plan(28)) == []
    assert undecidable([recall], plan(27)) == ["v: min_class_recall 0.8 takes at least 14 posts per class"]


def test_what_is_held_by_value_can_always_be_decided() -> None:
    limits = (
        Limit("min_accuracy", 0.99, "r", "value"),
        Limit("max_error_rate", 0.0, "r"),
        Limit("max_input_tokens_mean", 10, "r"),
    )
    assert undecidable([LimitsGate("v", "v", limits), BaselineGate("v-baseline", "v")], plan(2)) == []
