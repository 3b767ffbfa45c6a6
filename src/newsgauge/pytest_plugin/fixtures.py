"""The fixtures of evals that are about more than one case."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from ..errors import NewsgaugeError
from ..scoring.scores import Verdict
from .run_state import STATE

if TYPE_CHECKING:
    from ..gates.gate import Gate
    from ..results.attachments import Attachments
    from ..running.run import Run
    from .scores_and_tokens import Scores, Tokens


@pytest.fixture(scope="session")
def newsgauge_run(request: pytest.FixtureRequest) -> Run:
    """This process's part of the run: ``setup``, and ``results`` for tests about more than one case."""
    _leave_out_of_shards(request)
    return request.config.stash[STATE].run


@pytest.fixture
def verdict(request: pytest.FixtureRequest, gate: Gate) -> Verdict:
    """The gate, decided from the results of all planned cases; in a replay missing ones are recomputed."""
    state = request.config.stash[STATE]
    run, setup = state.run, state.run.setup
    if setup.shard is not None:
        pytest.skip("newsgauge merge decides it, from the results of all shards")
    from ..gates.age_gate import AgeGate
    from ..gates.comparison_gate import ComparisonGate
    from ..gates.gate import Evidence, decide
    from .gate_hooks import GATE_PROPERTY, run_ages

    # A comparison is corrected for the run's other comparisons, so it needs their results too.
    family = tuple(one for one in state.gates if isinstance(one, ComparisonGate))
    gates = family if isinstance(gate, ComparisonGate) else (gate,)
    needed = tuple(dict.fromkeys(variant for one in gates for variant in one.variants))
    results = run.results(needed)
    try:
        ages = run_ages(setup, needed) if isinstance(gate, AgeGate) else None
    except NewsgaugeError as error:
        pytest.fail(str(error), pytrace=False)
    decided = decide(
        gate,
        Evidence(
            plan=setup.plan,
            scores=state.scores.of(needed),
            results=results,
            live=not run.replays,
            family=family,
            baseline=state.baseline,
            ages=ages,
        ),
    )
    sent = json.dumps(asdict(decided))  # JSON: for pytest-xdist, and for who reads junit.xml
    request.node.user_properties += [(GATE_PROPERTY, sent), ("newsgauge_finding", decided.finding.value)]
    return decided


@pytest.fixture
def scores(request: pytest.FixtureRequest) -> Scores:
    """The scores of the run: ``scores["tuned"].accuracy.low``, ``scores["tuned"].beats("system")``."""
    _leave_out_of_shards(request)
    from .scores_and_tokens import Scores

    return Scores(request.config.stash[STATE].run)


@pytest.fixture
def tokens(request: pytest.FixtureRequest) -> Tokens:
    """The tokens of the run: ``tokens.saving("input", "tuned", than="system").saved.low``."""
    _leave_out_of_shards(request)
    from .scores_and_tokens import Tokens

    return Tokens(request.config.stash[STATE].run)


@pytest.fixture
def exhibits(request: pytest.FixtureRequest) -> Attachments:
    """What a test leaves for the report: ``exhibits.leave_learning_curve(points)``."""
    from ..results.attachments import Attachments

    config = request.config
    return Attachments(config.rootpath / config.option.results, plan=config.stash[STATE].run.setup.plan.digest)


def _leave_out_of_shards(request: pytest.FixtureRequest) -> None:
    """A shard does not know what other posts answer, and to recompute it from the cassettes would undo the split."""
    setup = request.config.stash[STATE].run.setup
    if setup.shard is not None:
        from .gate_hooks import LEFT_OUT

        pytest.skip(f"{LEFT_OUT}, and this is shard {setup.shard} of it; a run without --shard asks it")
