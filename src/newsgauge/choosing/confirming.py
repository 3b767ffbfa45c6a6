"""A choice checked on fresh posts: answers to two samples in, a `Confirmation` with the shrinkage out.

``confirmations.json`` beside the baselines keeps each one with the ids of its posts, one per line, for review.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._util.files import lines_of_both, write_whole
from ..errors import UsageError
from ..gates.baseline_file import load_baseline
from ..planning.sampling import Plan
from ..records import Key, Post, Result
from ..scoring.scoreboard import answers_of, compare_variants, threads_of
from ..scoring.stats import Interval, clustered_interval
from ..scoring.stats.paired import joined_interval
from .ledger import CONFIRMATIONS, DECISIONS, Ledger


@dataclass(frozen=True, slots=True)
class Rate:
    """An accuracy, or a lead of one variant over another on the same posts, with its 95% interval."""

    plan: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The value on the chosen sample, on fresh posts, and the difference. ``posts``: the ids of the fresh posts."""

    corpus: str
    variant: str
    against: str | None
    prompts: dict[str, str]
    chosen: Rate
    confirmed: Rate
    shrinkage: tuple[float, float, float]
    verdict: str
    posts: tuple[str, ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """The question asked. It is not asked again with other posts until they agree."""
        return self.corpus, self.variant, self.against, sorted(self.prompts.items()), self.chosen.plan


def measure(plan: str, posts: Sequence[Post], results: Mapping[Key, Result], variant: str, against: str | None) -> Rate:
    """The accuracy of the variant on these posts, or its lead over the other, paired post by post."""
    if against is not None:
        found = compare_variants(results, posts, variant, against)
        return Rate(plan, found.n, found.difference, found.low, found.high)
    answers = answers_of(results, variant)
    right = [answers[post.id] == post.label for post in posts]
    return Rate(plan, len(right), sum(right) / len(right), *clustered_interval(right, threads_of(posts)))


def shrinkage(chosen: Rate, confirmed: Rate) -> tuple[float, float, float]:
    """Chosen minus confirmed, with a 95% interval made from the intervals of the two independent samples.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics
    in Medicine 17 (1998), which takes any two intervals. It does not know that the first sample was chosen on.
    """
    first, second = ((one.value, one.low, one.high) for one in (chosen, confirmed))
    return chosen.value - confirmed.value, *joined_interval(first, second)


def decide(confirmed: Rate, shrunk: Interval, *, is_lead: bool) -> str:
    """Fresh posts alone confirm or refute a lead; an accuracy can only be shown to be lower."""
    if not is_lead:
        return "LOWER" if shrunk[0] > 0 else "NOT SHOWN TO BE LOWER"
    return "CONFIRMED" if confirmed.low > 0 else "REFUTED" if confirmed.high < 0 else "INCONCLUSIVE"


def load_confirmations(path: Path) -> list[Confirmation]:
    """All confirmations of a backend. Raises `UsageError`."""
    if not path.exists():
        return []
    try:
        found = [one for one in json.loads(lines_of_both(path.read_text("utf-8")))["confirmations"] if one is not None]
        return [
            Confirmation(
                **{
                    **one,
                    "chosen": Rate(**one["chosen"]),
                    "confirmed": Rate(**one["confirmed"]),
                    "shrinkage": tuple(one["shrinkage"]),
                    "posts": tuple(one["posts"]),
                }
            )
            for one in found
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: not a file of confirmations ({type(error).__name__}: {error}); restore it: git checkout "
            f"{shlex.quote(str(path))}"
        ) from None


def save_confirmations(path: Path, confirmations: Sequence[Confirmation]) -> None:
    """One line per confirmation, each with a comma, so that lines of two branches merge automatically."""
    lines = "".join(json.dumps(asdict(one), sort_keys=True) + ",\n" for one in confirmations)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f'{{"format": 1, "confirmations": [\n{lines}null]}}\n', option="confirm")


def decided_on(plan: Plan, baselines: Path) -> set[str]:
    """Ids of the posts that decisions were made on: those of the sample, and of every baseline, ledger and
    confirmation of its corpus, of any backend and preprocessing: whoever chose a prompt there saw the same posts.

    Raises `UsageError` or `BaselineError` where a file is damaged.
    """
    used = {post.id for post in plan.posts}
    for path in sorted(baselines.glob("*/*.json*")):
        if path.name == CONFIRMATIONS:
            confirmed = load_confirmations(path)
            used.update(*(one.posts for one in confirmed if _corpus(one.corpus) == plan.corpus))
        elif _corpus(path.name.removesuffix(".json")) == plan.corpus:
            held = load_baseline(path, shown=str(path))
            used.update(*(one.answers for one in held.variants.values()) if held else ())
        elif _corpus(path.name.removesuffix(DECISIONS)) == plan.corpus:
            used |= Ledger(path, "").used()
    return used


def _corpus(recordings: str) -> str:
    return recordings.partition("+")[0]


def confirmation_lines(one: Confirmation) -> list[str]:
    """The confirmation in words."""
    what = f"lead of {one.variant} over {one.against}" if one.against else f"accuracy of {one.variant}"
    sign = "+" if one.against else ""
    value, low, high = (100 * x for x in one.shrinkage)
    lines = [
        f"chosen on     {_words(one.chosen, sign)}  {what}; too high on average if it was the best of several",
        f"confirmed on  {_words(one.confirmed, sign)}  on fresh texts",
        f"shrinkage     {value:+.1f} points [{low:+.1f}, {high:+.1f}]",
        f"verdict       {one.verdict}",
    ]
    if one.verdict == "INCONCLUSIVE":
        lines.append("the interval holds 0: a lead that matters takes more texts; plan them with newsgauge power")
    return lines


def _words(rate: Rate, sign: str) -> str:
    value, low, high = (100 * x for x in (rate.value, rate.low, rate.high))
    return f"{rate.n:4} texts: {value:{sign}6.1f}  [{low:{sign}.1f}, {high:{sign}.1f}]"
