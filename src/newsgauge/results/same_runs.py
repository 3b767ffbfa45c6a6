"""Do two recordings of the same question differ by more than repeats explain? Two runs in, findings out. Pure.

A model that moved under its name shows here: the prompt is the same, and so should the answers be, within what the same
model's own answers vary.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError
from ..planning.repeats import split_key
from ..scoring.stats.intervals import Interval
from ..scoring.stats.repeats import SameTest, mean_difference_interval, same_answers
from .run_folder import RunFolder

Same = Literal["PASS", "CHANGED", "INCONCLUSIVE"]
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class SameVariant:
    """One variant of both runs. ``interval``: 95%, of the difference of accuracies, the first run less the second."""

    variant: str
    n_posts: int
    repeats: tuple[int, int]
    test: SameTest
    interval: Interval
    finding: Same


def same_runs(first: RunFolder, second: RunFolder, *, margin: float) -> tuple[SameVariant, ...]:
    """One finding per variant of both runs, on the posts that both have all answers to.

    CHANGED: the test of `same_answers` rejects at 5%. PASS: it does not, and the 95% interval of the difference lies
    within ``margin``. INCONCLUSIVE: neither. Raises `UsageError` where the runs share nothing.
    """
    shared = [name for name in first.variants if name in second.scores]
    found = []
    for name in shared:
        one, other, labels = _rows(first, name), _rows(second, name), _labels(first)
        posts = [post for post in one if post in other]
        if not posts:
            continue
        sizes = [min(len(rows[post]) for post in posts) for rows in (one, other)]
        answers = [[rows[post][:size] for post in posts] for rows, size in ((one, sizes[0]), (other, sizes[1]))]
        truth = [labels[post] for post in posts]
        test = same_answers(answers[0], answers[1], truth)
        shares = [
            [sum(said == label for said in row) / len(row) for row, label in zip(rows, truth, strict=True)]
            for rows in answers
        ]
        interval = mean_difference_interval(shares[0], shares[1])
        found.append(
            SameVariant(name, len(posts), (sizes[0], sizes[1]), test, interval, _finding(test, interval, margin))
        )
    if not found:
        raise UsageError(f"nothing to compare: {first.path} and {second.path} share no variant with answered posts")
    return tuple(found)


def _finding(test: SameTest, interval: Interval, margin: float) -> Same:
    if test.p <= ALPHA:
        return "CHANGED"
    return "PASS" if -margin <= interval[0] and interval[1] <= margin else "INCONCLUSIVE"


def _rows(run: RunFolder, variant: str) -> dict[str, list[str]]:
    """Id of a post -> its answers, in the order of its repeats."""
    rows: dict[str, dict[int, str]] = defaultdict(dict)
    for result in run.results:
        if result.variant == variant and result.prediction is not None:
            post_id, number = split_key(result.post_id)
            rows[post_id][number] = result.prediction.label
    return {post: [answers[number] for number in sorted(answers)] for post, answers in rows.items()}


def _labels(run: RunFolder) -> dict[str, str]:
    return {split_key(result.post_id)[0]: result.label for result in run.results}
