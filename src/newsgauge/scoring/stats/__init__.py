"""Intervals, paired tests, clustered errors, classification scores, decisions and planning. Pure.

Importing this package loads neither NumPy nor SciPy; docs/statistics.md explains what is computed and why.
"""

from .classification import (
    ERROR_COLUMN,
    OFF_LIST_COLUMN,
    ClassScore,
    Confusion,
    ConfusionMatrix,
    class_scores,
    confusion_matrix,
    macro_f1,
    worst_confusions,
)
from .decisions import (
    Decision,
    Finding,
    decide_by_bounds,
    decide_difference,
    decide_floor,
    difference_finding,
    difference_p_values,
)
from .intervals import Interval, clustered_interval, effective_posts, exact_lower_bound, wilson_interval
from .paired import holm, mcnemar_exact, mcnemar_exact_two_sided, paired_interval
from .power import (
    NEAREST_LIMIT,
    fewest_flips,
    fewest_posts_for_floor,
    fewest_posts_for_margin,
    posts_for_difference,
    posts_for_floor,
)
from .standardised import (
    FEWEST_POSTS_PER_CLASS,
    Stratum,
    macro_f1_bounds,
    standardised_bounds,
    standardised_interval,
    standardised_rate,
)

__all__ = [
    "ERROR_COLUMN",
    "FEWEST_POSTS_PER_CLASS",
    "NEAREST_LIMIT",
    "OFF_LIST_COLUMN",
    "ClassScore",
    "Confusion",
    "ConfusionMatrix",
    "Decision",
    "Finding",
    "Interval",
    "Stratum",
    "class_scores",
    "clustered_interval",
    "confusion_matrix",
    "decide_by_bounds",
    "decide_difference",
    "decide_floor",
    "difference_finding",
    "difference_p_values",
    "effective_posts",
    "exact_lower_bound",
    "fewest_flips",
    "fewest_posts_for_floor",
    "fewest_posts_for_margin",
    "holm",
    "macro_f1",
    "macro_f1_bounds",
    "mcnemar_exact",
    "mcnemar_exact_two_sided",
    "paired_interval",
    "posts_for_difference",
    "posts_for_floor",
    "standardised_bounds",
    "standardised_interval",
    "standardised_rate",
    "wilson_interval",
    "worst_confusions",
]
