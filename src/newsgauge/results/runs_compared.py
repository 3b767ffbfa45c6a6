"""Two finished runs in; what changed, and each variant before and after on the posts that both asked, out. Pure.

A variant is compared with the one of the same name. What the runs do not share is said, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError
from ..planning.plan_file import planned_threads
from ..records import Post
from ..scoring.comparisons import answers_of, compare
from ..scoring.scores import Comparison
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
    """What is another in the second run. ``is_text``: worth reading word by word."""

    what: str
    before: str
    after: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class VariantCompared:
    """A variant of both runs: ``found`` is the second run less the first; accuracies are over the posts in common."""

    found: Comparison
    before: float
    after: float
    outcome: Outcome
    cost_before: float | None
    cost_after: float | None

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
        raise UsageError(f"nothing to compare: {first.path} and {second.path} have no answered post in common")
    return RunsCompared(variants, tuple(_changes(first, second, shared)), tuple(notes))


def _changes(first: RunFolder, second: RunFolder, shared: list[str]) -> Iterator[Change]:
    for key in _FACTS:
        before, after = first.run.get(key), second.run.get(key)
        if before != after:
            yield Change(key.replace("_", " "), str(before), str(after))
    for name in shared:
        parts = [dict(run.prompts.get(name, ())) for run in (first, second)]
        prompts = [
            Change(f"{name}: {part}", parts[0].get(part, ""), parts[1].get(part, ""), is_text=True)
            for part in dict.fromkeys([*parts[0], *parts[1]])
            if parts[0].get(part) != parts[1].get(part)
        ]
        yield from prompts if all(parts) else ()
        models = [", ".join(run.scores[name].get("model_versions", ())) for run in (first, second)]
        if models[0] != models[1]:
            yield Change(f"{name}: answered by", models[0], models[1])
        digests = [run.prompt_digests.get(name, "") for run in (first, second)]
        if all(digests) and digests[0] != digests[1] and not prompts and models[0] == models[1]:
            yield Change(f"{name}: model, training set or examples (hash)", digests[0], digests[1])


def _compare(variant: str, first: RunFolder, second: RunFolder, notes: list[str]) -> VariantCompared:
    labels = [{result.post_id: result.label for result in run.results} for run in (first, second)]
    before, after = (
        answers_of({(result.post_id, result.variant): result for result in run.results}, variant)
        for run in (first, second)
    )
    threads = planned_threads(first.path)
    common = [
        # A repeat is of its post's thread; a post without one is its own.
        Post(post_id, labels[0][post_id], "", threads.get(post_id.split("~")[0]) or post_id.split("~")[0])
        for post_id in before
        if post_id in after and labels[0][post_id] == labels[1][post_id]
    ]
    left_out = max(len(before), len(after)) - len(common)
    if left_out:
        notes.append(f"{variant}: {len(common)} posts in common, {left_out} left out")
    found = compare(common, after, before, names=(variant, variant))
    n = found.n or 1
    costs = [_cost(run, variant) for run in (first, second)]
    return VariantCompared(
        found, (found.n_both + len(found.lost)) / n, (found.n_both + len(found.gained)) / n, _outcome(found), *costs
    )


def _outcome(found: Comparison) -> Outcome:
    if found.p_two_sided > ALPHA:
        return "no difference shown"
    return "better" if len(found.gained) > len(found.lost) else "worse"


def _cost(run: RunFolder, variant: str) -> float | None:
    found = {} if run.tokens is None else run.tokens["variants"].get(variant, {}).get("cost", {})
    value = found.get("usd_per_1000_posts")
    return None if value is None else float(value)
