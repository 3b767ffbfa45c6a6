"""How long live calls take is held in a live run, by its value, and is no part of a replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsgauge.errors import GatesError
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.gates_file import load_gates, plan_gates
from newsgauge.gates.latency_gate import LatencyGate
from newsgauge.scoring.latency import quantile
from newsgauge.scoring.scoreboard import score

Make = Callable[..., Evidence]
GATE = LatencyGate("v-latency", "v", (("p50", 300.0), ("p95", 400.0)), "people wait")


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
@example([1.0], 0.95)
def test_a_quantile_is_numpys(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-9)


def test_without_a_live_call_there_is_no_latency(made: Make) -> None:
    assert timed(made).scores["v"].latency is None


def timed(made: Make, *took: float) -> Evidence:
    """Four posts, of which the first ones were asked live."""
    evidence = made(4, {"v": range(4)})
    results = dict(evidence.results)
    for (key, one), ms in zip(list(results.items()), took, strict=False):
        assert one.prediction is not None
        results[key] = replace(one, prediction=replace(one.prediction, latency_ms=ms))
    return replace(evidence, results=results, scores=score(results, evidence.plan, ["v"]), live=True)


def test_only_live_calls_count_and_each_limit_is_held_by_its_value(made: Make) -> None:
    verdict = decide(GATE, timed(made, 100, 200, 600))  # the fourth was replayed
    assert [(check.state, check.name, check.value, check.n) for check in verdict.checks] == [
        ("passed", "latency p50", 200, 3),
        ("failed", "latency p95", pytest.approx(560), 3),  # 200 + 0.9 * 400
    ]
    at_its_limit = LatencyGate("v-latency", "v", (("p50", 200.0),), "people wait")
    assert decide(at_its_limit, timed(made, 100, 200, 600)).passed
    assert verdict.reasons[1] == "latency p95 560 ms of 3 live calls; limit: at most 400 ms (people wait)"


def test_a_live_run_without_a_live_call_proves_nothing(made: Make) -> None:
    verdict = decide(GATE, timed(made))
    assert verdict.finding == "INCONCLUSIVE"
    assert {(check.state, check.value, check.n) for check in verdict.checks} == {("not proved", None, 0)}


def test_a_replay_does_not_plan_it(made: Make) -> None:
    plan = made(4, {"v": range(4)}).plan
    found = {
        live: plan_gates([GATE], variants=["v"], plan=plan, baseline=None, live=live, updating=False)
        for live in (True, False)
    }
    assert found == {True: ((GATE,), ()), False: ((), ())}


def test_it_is_read_from_gates_toml(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text('[gemini.any.v]\nmax_latency_ms = { p50 = 300, p95 = 400, reason = "people wait" }\n')
    assert load_gates(path, backend="gemini", corpus="any", known=("v",)) == (GATE,)


@pytest.mark.parametrize("value", ["{ reason = 'r' }", "{ p95 = 0, reason = 'r' }", "{ p99 = 1, reason = 'r' }", "900"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(f"[gemini.any.v]\nmax_latency_ms = {value}\n")
    with pytest.raises(GatesError, match="max_latency_ms"):
        load_gates(path, backend="gemini", corpus="any", known=("v",))
