"""Made results: so many right of so many, without a model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from newsgauge.gates.gate import Evidence
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.running.results_log import merge
from newsgauge.scoring.scoreboard import score


def posts(n: int, labels: tuple[str, ...] = ("a", "b")) -> tuple[Post, ...]:
    return tuple(Post(f"p-{i}", labels[i % len(labels)], "text") for i in range(n))


def plan(n: int, labels: tuple[str, ...] = ("a", "b")) -> Plan:
    return Plan("made", "", None, 0, False, "clean", labels, posts(n, labels))


def result(post: Post, variant: str, right: bool, *, outcome: Outcome = Outcome.LABEL) -> Result:
    label = post.label if right else ("b" if post.label == "a" else "a")
    label = label if outcome is Outcome.LABEL else "(error)"
    return Result(post.id, variant, post.label, Prediction(label, outcome, "", 100, 4, "m-1"))


@dataclass
class Made:
    """``right``: variant -> the numbers of the posts that it has right."""

    n: int
    right: dict[str, Iterable[int]]

    def evidence(self, **other: object) -> Evidence:
        the_plan = plan(self.n)
        rows = [
            result(post, variant, number in set(numbers))
            for variant, numbers in self.right.items()
            for number, post in enumerate(the_plan.posts)
        ]
        found = merge(rows)
        scores = score(found, the_plan, self.right)
        return Evidence(plan=the_plan, scores=scores, results=found, **other)  # type: ignore[arg-type]
