"""Two finished runs in; what changed, and each variant before and after on the posts that both asked, out. Pure.

A variant is compared with the one of the same name. What the runs do not share is named. `same_runs` tests
whether two recordings of one question differ by more than repeats explain: a model that moved under its name does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from ..errors import UsageError
from ..planning.plan_file import planned_threads
from ..planning.sampling import split_key
from ..records import Post
from ..scoring.scoreboard import compare, right_share, rows_of
from ..scoring.scores import Comparison
from ..scoring.stats.intervals import Interval
from ..scoring.stats.paired import holm
from ..scoring.stats.repeats import SameTest, mean_difference_interval, same_answers
from .run_folder import RunFolder

Outcome = Literal["better", "worse", "no difference shown"]
#: Significance level of the two-sided test behind "better" and "worse".
ALPHA = 0.05
_FACTS = (
    "backend",
    "corpus",
    "preprocessing",
    "classes",
    "posts_per_class",
    "sample_seed",
    "n_posts",
    "plan",
    "record_mode",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference of the second run. ``is_text``: worth comparing word by word."""

    what: str
    before: str
    after: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class VariantCompared:
    """A variant of both runs: ``found`` is the second run less the first; accuracies are over the posts in common.

    Costs are those of `RunFolder.costs`. ``n_unanswered``: planned cases of either run without an answer.
    """

    found: Comparison
    before: float
    after: float
    outcome: Outcome
    cost_before: float | None
    cost_after: float | None
    n_unanswered: int = 0

    @property
    def name(self) -> str:
        """The variant, as both runs call it."""
        return self.found.first


@dataclass(frozen=True, slots=True)
class RunsCompared:
    """``variants``: those that both asked; ``changes``: in what the runs differ; ``notes``: what is left out."""

    variants: tuple[VariantCompared, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def compare_runs(first: RunFolder, second: RunFolder) -> RunsCompared:
    """The second run against the first. Raises `UsageError` if they share no variant, or no post answered in both."""
    shared = [name for name in first.variants if name in second.scores]
    if not shared:
        raise UsageError(
            f"nothing to compare: {first.path} holds {', '.join(first.variants)}, {second.path} "
            f"{', '.join(second.variants)}"
        )
    notes = []
    for one, other in ((first, second), (second, first)):
        alone = [name for name in one.variants if name not in other.scores]
        if alone:
            notes.append(f"only in {one.path}: {', '.join(alone)}")
    found = [_compare(name, first, second, notes) for name in shared]
    variants = tuple(one for one in found if one.found.n)
    if not variants:
        raise UsageError(f"nothing to compare: {first.path} and {second.path} have no answered text in common")
    return RunsCompared(variants, tuple(_changes(first, second, shared)), tuple(notes))


def _changes(first: RunFolder, second: RunFolder, shared: list[str]) -> Iterator[Change]:
    """Each once, with the variants that it is about."""
    variants: dict[Change, list[str]] = {}
    for name in shared:
        for change in _changes_of(name, first, second):
            variants.setdefault(change, []).append(name)
    for change, names in variants.items():
        yield replace(change, what=f"{', '.join(names)}: {change.what}")
    for key in _FACTS:
        before, after = first.run.get(key), second.run.get(key)
        if before != after:
            yield Change(key.removeprefix("n_").replace("posts", "texts").replace("_", " "), str(before), str(after))


def _changes_of(name: str, first: RunFolder, second: RunFolder) -> Iterator[Change]:
    parts = [dict(run.prompts.get(name, ())) for run in (first, second)]
    prompts = [
        Change(part, parts[0].get(part, ""), parts[1].get(part, ""), is_text=True)
        for part in dict.fromkeys([*parts[0], *parts[1]])
        if parts[0].get(part) != parts[1].get(part)
    ]
    yield from prompts if all(parts) else ()
    models = [", ".join(run.scores[name].get("model_versions", ())) for run in (first, second)]
    if models[0] != models[1]:
        yield Change("answered by", models[0], models[1])
    digests = [run.prompt_digests.get(name, "") for run in (first, second)]
    if all(digests) and digests[0] != digests[1] and not prompts and models[0] == models[1]:
        yield Change("model, training set or examples (hash)", digests[0], digests[1])


def _compare(variant: str, first: RunFolder, second: RunFolder, notes: list[str]) -> VariantCompared:
    before, after = _rows(first, variant), _rows(second, variant)
    truth, then = _labels(second), _labels(first)
    threads = planned_threads(first.path)
    common = [
        Post(post_id, truth[post_id], "", threads.get(post_id) or None)
        for post_id in before
        if post_id in after and truth[post_id] == then[post_id]
    ]
    left_out = max(len(before), len(after)) - len(common)
    if left_out:
        notes.append(f"{variant}: {len(common)} texts in common, {left_out} left out")
    found = compare(common, after, before, names=(variant, variant))
    outcome: Outcome = "no difference shown"
    if found.p_two_sided <= ALPHA:
        outcome = "better" if found.difference > 0 else "worse"
    rates = [fmean([right_share(run[post.id], post.label) for post in common] or [0.0]) for run in (before, after)]
    costs = [run.costs.get(variant) for run in (first, second)]
    n_unanswered = _n_unanswered(variant, first, second)
    return VariantCompared(found, rates[0], rates[1], outcome, costs[0], costs[1], n_unanswered)


def _labels(run: RunFolder) -> dict[str, str]:
    return {split_key(result.post_id)[0]: result.label for result in run.results}


def _n_unanswered(variant: str, *runs: RunFolder) -> int:
    return sum(run.scores[variant]["n_planned"] - run.scores[variant]["n"] for run in runs)


Same = Literal["PASS", "CHANGED", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True)
class SameVariant:
    """One variant of both runs. ``interval``: 95%, of the difference of accuracies, the first run less the second.

    ``n_unanswered``: planned cases of either run without an answer.
    """

    variant: str
    n_posts: int
    repeats: tuple[int, int]
    test: SameTest
    interval: Interval
    finding: Same
    n_unanswered: int = 0


def same_runs(first: RunFolder, second: RunFolder, *, margin: float) -> tuple[SameVariant, ...]:
    """One finding per variant of both runs, on the posts that both have all answers to.

    CHANGED: the test of `same_answers` rejects at 5% over all variants (Holm). PASS: it does not, the 95% interval of
    the difference lies within ``margin``, and no planned case of either run lacks an answer. INCONCLUSIVE: neither.
    Raises `UsageError` if the runs share nothing.
    """
    labels, found = _labels(first), []
    for name in [name for name in first.variants if name in second.scores]:
        one, other = _rows(first, name), _rows(second, name)
        posts = [post for post in one if post in other]
        if not posts:
            continue
        sizes = [min(len(rows[post]) for post in posts) for rows in (one, other)]
        answers = [[rows[post][:size] for post in posts] for rows, size in ((one, sizes[0]), (other, sizes[1]))]
        truth = [labels[post] for post in posts]
        test = same_answers(answers[0], answers[1], truth)
        shares = [[right_share(row, label) for row, label in zip(rows, truth, strict=True)] for rows in answers]
        interval = mean_difference_interval(shares[0], shares[1])
        n_unanswered = _n_unanswered(name, first, second)
        is_within = -margin <= interval[0] and interval[1] <= margin and not n_unanswered
        finding: Same = "PASS" if is_within else "INCONCLUSIVE"
        found.append(SameVariant(name, len(posts), (sizes[0], sizes[1]), test, interval, finding, n_unanswered))
    if not found:
        raise UsageError(f"nothing to compare: {first.path} and {second.path} share no variant with answered texts")
    corrected = holm([one.test.p for one in found])
    return tuple(
        replace(one, finding="CHANGED") if p <= ALPHA else one for one, p in zip(found, corrected, strict=True)
    )


def _rows(run: RunFolder, variant: str) -> dict[str, list[str]]:
    """Id of a post -> its answers, in the order of its repeats."""
    return rows_of({(result.post_id, result.variant): result for result in run.results}, variant)
