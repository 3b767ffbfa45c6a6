"""gates.toml, scores and a baseline in; verdicts with reasons out. Knows no pytest and prints nothing."""

from .deciding import decide
from .evidence import Evidence
from .gate import BaselineGate, ComparisonGate, Gate, Limit, LimitsGate
from .gates_file import load_gates
from .min_sample import undecidable
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
