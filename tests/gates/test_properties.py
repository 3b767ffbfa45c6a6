"""What holds for any answers: proof is stricter than the value, and no pair of variants beats each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.running.results_log import merge
from newsgauge.scoring.scoreboard import score

Make = Callable[..., Evidence]
# The fixture is a function without state; a deadline says more about the machine than about the code.
settings.register_profile(
    "gates", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
some_posts = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1))))
two_variants = st.integers(1, 40).flatmap(
    lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)), st.sets(st.integers(0, n - 1)))
)


@settings(settings.get_profile("gates"))
@given(
    some_posts,
    st.floats(0.01, 0.99),
    st.sampled_from(["min_accuracy", "max_accuracy", "min_class_recall", "max_off_list_rate", "max_error_rate"]),
)
def test_what_is_proved_live_is_so_in_the_replay(
    made: Make, answers: tuple[int, set[int]], limit: float, metric: str
) -> None:
    n, right = answers
    gate = LimitsGate("v", "v", (Limit(metric, limit, "r"),))
    live, replay = decide(gate, made(n, {"v": right}, live=True)), decide(gate, made(n, {"v": right}))
    assert replay.finding in ("PASS", "FAIL")
    if live.finding != "INCONCLUSIVE":
        assert live.finding == replay.finding


@settings(settings.get_profile("gates"))
@given(two_variants, st.booleans(), st.floats(0, 0.5))
def test_two_variants_never_beat_each_other(
    made: Make, answers: tuple[int, set[int], set[int]], live: bool, by_at_least: float
) -> None:
    n, one, other = answers
    evidence = made(n, {"a": one, "b": other}, live=live)
    forth = decide(ComparisonGate("a-beats-b", "a", "b", by_at_least, "r"), evidence)
    back = decide(ComparisonGate("b-beats-a", "b", "a", by_at_least, "r"), evidence)
    assert not (forth.passed and back.passed)
    assert len(forth.flips) == len(back.flips) == len(one ^ other)


@settings(settings.get_profile("gates"))
@given(some_posts, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_results_decides_nothing(
    made: Make, answers: tuple[int, set[int]], random: object, live: bool
) -> None:
    n, right = answers
    evidence = made(n, {"v": right}, live=live)
    rows = list(evidence.results.values())
    random.shuffle(rows)  # type: ignore[attr-defined]
    found = merge(rows)
    shuffled = replace(evidence, results=found, scores=score(found, evidence.plan, ["v"]))
    gate = LimitsGate("v", "v", (Limit("min_accuracy", 0.5, "r"), Limit("min_class_recall", 0.3, "r")))
    assert decide(gate, shuffled) == decide(gate, evidence)
