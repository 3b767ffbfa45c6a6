"""How often a sample has decided something: ``<corpus>.decisions.jsonl`` beside the baseline, one decision a line.

Enters: a decision with the posts it was made on. Leaves: the number of decisions on a plan, and the posts they used.
The same question with the same answers is one decision. Plans of fresh posts use only posts that no decision was made
on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from .._util.files import exclusive, lines_of_both, read_toml, replace_file
from .._util.platform import is_ci
from ..errors import UsageError
from ..planning.sampling import Plan, draw, make_plan
from ..records import RawPost
from ..running.run_config import RunConfig, preprocessor

#: What is confirmed, beside the baselines of a backend.
CONFIRMATIONS = "confirmations.json"
#: What the name of a ledger ends in, behind the corpus.
DECISIONS = ".decisions.jsonl"
Kind = Literal["update-baseline", "compare", "confirm", "bisect", "limits"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of a corpus and backend. ``gates`` is a hash of its current limits."""

    path: Path
    gates: str

    def note(self, kind: Kind, about: str, plan: Plan, *, environ: Mapping[str, str] = os.environ) -> None:
        """Add a decision unless it is already there. CI adds none, and the folder may be read-only."""
        decision = {"plan": plan.digest, "decided": kind, "about": about}
        if is_ci(environ) or any(decision.items() <= one.items() for one in self._lines()):
            return
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(self.path):
                lines = self._lines()
                is_new = all(one["plan"] != plan.digest for one in lines)
                line = {**decision, "gates": self.gates, **({"posts": [p.id for p in plan.posts]} if is_new else {})}
                if not any(decision.items() <= one.items() for one in lines):  # noted by another process meanwhile
                    before = self.path.read_text("utf-8")
                    replace_file(self.path, before + json.dumps(line) + "\n")

    def note_limits(self, plan: Plan) -> None:
        """Add the limits of a run if they are others than those that the plan's decisions were made under."""
        limits = {one["gates"] for one in self._lines() if one["plan"] == plan.digest}
        if limits and self.gates not in limits:
            self.note("limits", self.gates, plan)

    def n_decisions(self, plan: str) -> int:
        """Decisions of the plan, and how often the limits changed after one."""
        lines = [one for one in self._lines() if one["plan"] == plan]
        limits = {one["gates"] for one in lines} | ({self.gates} if lines else set())
        asked = {(one["decided"], one["about"]) for one in lines if one["decided"] != "limits"}
        return len(asked) + max(0, len(limits) - 1)

    def used(self) -> set[str]:
        """Ids of all posts that a decision was made on."""
        return {post for one in self._lines() for post in one.get("posts", ())}

    def asked_before(self, kind: Kind, about: str, *, apart_from: str) -> set[str]:
        """The posts of another plan on which the same question was decided; empty if there is none."""
        lines = self._lines()
        plans = {one["plan"] for one in lines if (one["decided"], one["about"]) == (kind, about)} - {apart_from}
        return {post for one in lines if one["plan"] in plans for post in one.get("posts", ())}

    def header(self, plan: str) -> list[str]:
        """The sentence for the header of a run; empty for the first decision on a sample."""
        n = self.n_decisions(plan)
        return (
            [f"this sample has decided {n} times; confirm on fresh texts: newsgauge confirm VARIANT"] if n > 1 else []
        )

    def check(self) -> None:
        """Raise `UsageError` if the file is damaged: a run says so before it asks, not when it has decided."""
        self._lines()

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text("utf-8", "replace")  # a line that holds no text is no JSON
        except OSError:
            return []
        found = []
        for number, line in enumerate(lines_of_both(text).splitlines(), 1):
            try:
                one = json.loads(line)
                if not all(isinstance(one[name], str) for name in ("plan", "decided", "about", "gates")):
                    raise TypeError(one)
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"{self.path}: line {number}: expected a decision as JSON; restore it: git checkout "
                    f"{shlex.quote(str(self.path))}"
                ) from None
            found.append(one)
        return found


def open_ledger(path: Path) -> Ledger:
    """The ledger beside this baseline, such as ``evals/baselines/embedded/bundled.json``."""
    gates = path.parents[2] / "gates.toml"
    tables = read_toml(gates, expected="limits") if gates.is_file() else {}
    own = tables.get(path.parent.name, {}).get(path.stem.partition("+")[0], {})
    return Ledger(path.with_suffix(DECISIONS), short_hash([json.dumps(own, sort_keys=True, default=str)]))


def short_hash(texts: Iterable[str]) -> str:
    """First 12 hex digits of a SHA-256 over the texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def fresh_plan(setup: RunConfig, used: Collection[str], n: int | None) -> Plan:
    """The next posts by rank after those in ``used``, as many of each label as the plan's own sample has it.

    ``n``: posts in all; None: as many as the plan has, or as there are. Neither a used post nor, unless the plan
    allows threads, another post of its thread is drawn. Raises `UsageError` if too few are left.
    """
    plan = setup.plan
    raw_posts = setup.corpus.posts("test")
    taken = {raw.thread for raw in raw_posts if raw.id in used} - {None} if not plan.allow_threads else set()
    unseen = [
        raw
        for raw in raw_posts
        if raw.label in plan.labels and raw.id not in used and (plan.allow_threads or raw.thread not in taken)
    ]
    drawn = (
        draw(
            unseen,
            classes=".",
            posts_per_class=len(unseen) + 1,
            seed=plan.seed,
            allow_threads=plan.allow_threads,
            what=plan.corpus,
            sample="at-most",
        )
        if unseen
        else []
    )
    free = Counter(raw.label for raw in drawn)
    proportional = plan.sample.startswith("proportional")
    scarcest = min(plan.labels, key=lambda label: free[label])
    most = free.total() if proportional and free[scarcest] else free[scarcest] * len(plan.labels)
    wanted = min(len(plan.posts), most) if n is None else n
    per_class = wanted // len(plan.labels)
    if not per_class or wanted > most:
        fewest, alone = len(plan.labels), "" if plan.allow_threads else ", in threads of their own"
        if n is None or most < fewest:
            none = [label for label in plan.labels if not free[label]]
            more = f" and {len(none) - 5} more labels" if len(none) > 5 else ""
            raise UsageError(
                f"{plan.corpus}: expected {fewest} fresh {plan.units} or more, one of each label, and no {plan.unit} "
                f"that no decision was made on is left{alone} of {', '.join(none[:5])}{more}. Add some to the corpus"
            )
        raise UsageError(
            f"--posts {n}: expected at least {fewest}, one of each label, and at most {most:,}: {scarcest} has "
            f"{free[scarcest]} {plan.units} left that no decision was made on{alone}. "
            "Ask for fewer, or add texts to the corpus"
        )
    if proportional:
        return _plan_like(setup, unseen, sample=f"proportional:{wanted}")
    return _plan_like(setup, unseen, posts_per_class=per_class)


def plan_of(setup: RunConfig, ids: Collection[str]) -> Plan:
    """The plan that asks just these posts of the corpus. Raises `UsageError` if one is no longer there."""
    wanted = set(ids)
    raw_posts = [raw for raw in setup.corpus.posts("test") if raw.id in wanted]
    if gone := wanted - {raw.id for raw in raw_posts}:
        raise UsageError(
            f"{setup.plan.corpus}: {len(gone)} texts that were confirmed on are no longer in the corpus, such as "
            f"{min(gone)}; restore them, or remove that entry from confirmations.json"
        )
    return _plan_like(setup, raw_posts)


def _plan_like(
    setup: RunConfig, raw_posts: list[RawPost], *, posts_per_class: int | None = None, sample: str = ""
) -> Plan:
    """A plan of other posts, drawn and prepared as the sample's were."""
    plan = setup.plan
    made = make_plan(
        raw_posts,
        corpus=plan.corpus,
        classes=plan.classes,
        posts_per_class=posts_per_class,
        seed=plan.seed,
        allow_threads=plan.allow_threads,
        preprocessing=plan.preprocessing,
        preprocess=preprocessor(setup.corpus, plan.preprocessing),
        sample=sample,
    )
    return replace(made, whole_digest=made.digest, corpus_labels=plan.corpus_labels, disturbed=plan.disturbed)
