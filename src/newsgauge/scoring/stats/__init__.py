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
    macro_f1_interval,
    worst_confusions,
)
from .clustered import clustered_interval, clustered_standard_error, effective_posts
from .decisions import Decision, Finding, decide_difference, decide_floor, difference_p_values
from .intervals import (
    Interval,
    exact_interval,
    exact_lower_bound,
    exact_upper_bound,
    wilson_interval,
    wilson_lower_bound,
    wilson_upper_bound,
)
from .paired import (
    Paired,
    holm,
    mcnemar_exact,
    mcnemar_exact_two_sided,
    newcombe_interval,
    noninferiority_p,
    pair,
    paired_interval,
)
from .power import (
    correct_answers_needed,
    fewest_flips,
    fewest_posts_for_floor,
    fewest_posts_for_margin,
    floor_power,
    mcnemar_power,
    posts_for_difference,
    posts_for_floor,
)
from .stratified import post_stratified

__all__ = [
    "ERROR_COLUMN",
    "OFF_LIST_COLUMN",
    "ClassScore",
    "Confusion",
    "ConfusionMatrix",
    "Decision",
    "Finding",
    "Interval",
    "Paired",
    "class_scores",
    "clustered_interval",
    "clustered_standard_error",
    "confusion_matrix",
    "correct_answers_needed",
    "decide_difference",
    "decide_floor",
    "difference_p_values",
    "effective_posts",
    "exact_interval",
    "exact_lower_bound",
    "exact_upper_bound",
    "fewest_flips",
    "fewest_posts_for_floor",
    "fewest_posts_for_margin",
    "floor_power",
    "holm",
    "macro_f1",
    "macro_f1_interval",
    "mcnemar_exact",
    "mcnemar_exact_two_sided",
    "mcnemar_power",
    "newcombe_interval",
    "noninferiority_p",
    "pair",
    "paired_interval",
    "post_stratified",
    "posts_for_difference",
    "posts_for_floor",
    "wilson_interval",
    "wilson_lower_bound",
    "wilson_upper_bound",
    "worst_confusions",
]
