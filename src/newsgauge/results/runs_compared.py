"""Two finished runs in, their variants compared on the posts that both were asked about. Pure.

A variant is compared with the one of the same name; what the runs do not share is said, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from ..records import Post
from ..scoring.comparisons import answers_of, compare
from ..scoring.scores import Comparison
from .run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunsCompared:
    """``comparisons``: one a variant, the first run less the second; ``notes``: in what the runs differ."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


def compare_runs(first: RunFolder, second: RunFolder) -> RunsCompared:
    """Raises `UsageError` where the runs share no variant, or no post with an answer in both."""
    shared = [name for name in first.variants if name in second.scores]
    if not shared:
        raise UsageError(
            f"nothing to compare: {first.path} holds {', '.join(first.variants)}, {second.path} "
            f"{', '.join(second.variants)}"
        )
    notes = [
        f"{word} differs: {first.run[key]} and {second.run[key]}"
        for word, key in (("backend", "backend"), ("corpus", "corpus"), ("plan", "plan"))
        if first.run[key] != second.run[key]
    ]
    for one, other in ((first, second), (second, first)):
        alone = [name for name in one.variants if name not in other.scores]
        if alone:
            notes.append(f"only in {one.path}: {', '.join(alone)}")
    found = [_compare(name, first, second, notes) for name in shared]
    comparisons = tuple(one for one in found if one.n)
    if not comparisons:
        raise UsageError(f"nothing to compare: {first.path} and {second.path} have no answered post in common")
    return RunsCompared(comparisons, tuple(notes))


def _compare(variant: str, first: RunFolder, second: RunFolder, notes: list[str]) -> Comparison:
    labels = [{result.post_id: result.label for result in run.results} for run in (first, second)]
    answers = [
        answers_of({(result.post_id, result.variant): result for result in run.results}, variant)
        for run in (first, second)
    ]
    common = [
        Post(post_id, labels[0][post_id], "")
        for post_id in answers[0]
        if post_id in answers[1] and labels[0][post_id] == labels[1][post_id]
    ]
    left_out = max(len(answers[0]), len(answers[1])) - len(common)
    if left_out:
        notes.append(f"{variant}: {len(common)} posts in common, {left_out} left out")
    return compare(common, *answers, names=(variant, variant))
