"""gates.toml, scores and a baseline in; verdicts with reasons out. Knows no pytest and prints nothing."""

from .deciding import decide
from .evidence import Evidence
from .feasible import undecidable
from .file import load_gates
from .gate import BaselineGate, ComparisonGate, Gate, Limit, LimitsGate
from .planning import plan_gates

__all__ = [
    "BaselineGate",
    "ComparisonGate",
    "Evidence",
    "Gate",
    "Limit",
    "LimitsGate",
    "decide",
    "load_gates",
    "plan_gates",
    "undecidable",
]
