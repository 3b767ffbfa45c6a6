"""Are the answers good enough? One test per gate of gates.toml, decided from all planned cases.

A gate reads what the cases of this run left behind, from whatever process, and in a replay recomputes what is missing
from the cassettes. So `pytest evals -m gate` decides every gate by itself.
"""

import pytest

from newsgauge import Gate, Verdict

pytestmark = pytest.mark.gate


def test_gate(gate: Gate, verdict: Verdict) -> None:
    if not verdict.passed:
        pytest.fail(f"{verdict.word}: " + "\n".join([*verdict.reasons, *verdict.flips]), pytrace=False)
