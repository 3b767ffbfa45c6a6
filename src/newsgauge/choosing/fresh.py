"""Posts that no decision was made on: a corpus, a plan and the ids in use enter; a plan of the next posts leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..corpora.threads import thread_of
from ..errors import UsageError
from ..gates.baseline_file import load_baseline
from ..planning.sampling import Plan, draw, make_plan
from ..records import RawPost
from ..running.run_config import RunConfig, preprocessor
from .ledger import open_ledger


def decided_on(plan: Plan, baseline: Path, *, shown: str) -> set[str]:
    """Ids of the posts that decisions were made on: those of the sample, of the baseline, and of the ledger beside it.

    Raises `UsageError` or `BaselineError` where a file is damaged.
    """
    held = load_baseline(baseline, shown=shown)
    reviewed = {post for one in held.variants.values() for post in one.answers} if held else set()
    return {post.id for post in plan.posts} | reviewed | open_ledger(baseline).used()


def fresh_plan(setup: RunConfig, used: Collection[str], n: int | None) -> Plan:
    """The next posts by rank after those in ``used``, as many of each label as the plan's own sample has it.

    ``n``: posts in all; None: as many as the plan has, or as there are. Neither a used post nor, unless the plan
    allows threads, another post of its thread is drawn. Raises `UsageError` if too few are left.
    """
    plan = setup.plan
    raw_posts = setup.corpus.posts("test")
    taken = {thread_of(raw) for raw in raw_posts if raw.id in used} - {None} if not plan.allow_threads else set()
    unseen = [
        raw
        for raw in raw_posts
        if raw.label in plan.labels and raw.id not in used and (plan.allow_threads or thread_of(raw) not in taken)
    ]
    everything = {"classes": ".", "posts_per_class": len(unseen) + 1, "at_most": True, "what": plan.corpus}
    free = (
        Counter(
            raw.label
            for raw in draw(unseen, seed=plan.seed, allow_threads=plan.allow_threads, **everything)  # type: ignore[arg-type]
        )
        if unseen
        else Counter[str]()
    )
    proportional = plan.sample.startswith("proportional")
    scarcest = min(plan.labels, key=lambda label: free[label])
    most = free.total() if proportional and free[scarcest] else free[scarcest] * len(plan.labels)
    wanted = min(len(plan.posts), most) if n is None else n
    per_class = wanted // len(plan.labels)
    if not per_class or wanted > most:
        raise UsageError(
            f"--posts {wanted}: expected at least {len(plan.labels)}, one of each label, and at most {most:,}: "
            f"{scarcest} has {free[scarcest]} posts left that no decision was made on"
            + ("" if plan.allow_threads else ", in threads of their own")
            + ". Ask for fewer, or add posts to the corpus"
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
            f"{setup.plan.corpus}: {len(gone)} posts that were confirmed on are no longer in the corpus, such as "
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
    return replace(made, whole_digest=made.digest, corpus_labels=plan.corpus_labels)
