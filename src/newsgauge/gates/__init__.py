"""gates.toml, scores and a baseline in; verdicts with reasons out. Knows no pytest and prints nothing."""

from .deciding import decide
from .evidence import Evidence
from .feasible import undecidable
from .file import load_gates
from .gate import BaselineGate, ComparisonGate, Gate, Limit, LimitsGate
from .planning import limits_of_other_classes, plan_gates

__all__ = [
    "BaselineGate",
    "ComparisonGate",
    "Evidence",
    "Gate",
    "Limit",
    "LimitsGate",
    "decide",
    "limits_of_other_classes",
    "load_gates",
    "plan_gates",
    "undecidable",
]
