"""Which posts are asked about: raw posts in, a `Plan` out. Pure, seeded, and the same on every machine.

A post's rank in the draw is the SHA-256 of the seed and its id, so the sample does not depend on the order in which
posts were read, on a random number generator or on a library's version, and a sample of 10 a class is part of the
sample of 50 with the same seed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice

from ..corpora.threads import thread_key
from ..errors import CorpusError, UsageError
from ..records import Post, RawPost
from .repeats import repeated


@dataclass(frozen=True, slots=True)
class Plan:
    """The posts of a run, sorted by label and number, and what they were drawn by."""

    corpus: str
    classes: str
    posts_per_class: int | None
    seed: int
    allow_threads: bool
    preprocessing: str
    labels: tuple[str, ...]
    posts: tuple[Post, ...]
    #: Where this is a part of a plan, or its texts are not at hand: the digest of the whole plan.
    whole_digest: str = ""
    #: How often each post is asked, for the variants that ask more than once.
    repeats: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """First 12 hex digits of a SHA-256 over ids, labels and texts: two runs with equal digests asked the same."""
        return self.whole_digest or digest_posts(self.posts)

    def asked(self, variant: str) -> tuple[Post, ...]:
        """What a variant is asked: every post, and again under a key of its own for each repeat."""
        return repeated(self.posts, self.repeats.get(variant, 1))

    def n_cases(self, variants: Iterable[str]) -> int:
        """How many cases that is for these variants."""
        return len(self.posts) * sum(self.repeats.get(variant, 1) for variant in variants)

    def first(self, n: int) -> list[Post]:
        """The ``n`` posts of each label that come first in the draw, so that a smaller plan asks no others."""
        drawn = sorted(self.posts, key=lambda post: (post.label, rank(post.id, self.seed)))
        return [post for _, own in groupby(drawn, key=lambda post: post.label) for post in islice(own, n)]


def make_plan(
    raw_posts: Iterable[RawPost],
    *,
    corpus: str,
    classes: str,
    posts_per_class: int | None,
    seed: int,
    allow_threads: bool,
    preprocessing: str,
    preprocess: Callable[[str], str],
) -> Plan:
    """Draw ``posts_per_class`` posts of each label (None: all), then keep the labels that match the regex ``classes``.

    Of a thread at most one post of a label is drawn, unless ``allow_threads``, or all posts are wanted. The regex is
    searched for, as in the codelab: ``^rec|^sci`` keeps the eight groups of rec.* and sci.*.
    Raises `UsageError` for a broken regex, `CorpusError` where it matches nothing or a class holds too few posts.
    """
    drawn = draw(
        raw_posts,
        classes=classes,
        posts_per_class=posts_per_class,
        seed=seed,
        allow_threads=allow_threads,
        what=f"{corpus} test",
    )
    posts = tuple(
        Post(raw.id, raw.label, preprocess(raw.raw), raw.thread or thread_key(raw.raw) or None) for raw in drawn
    )
    labels = tuple(sorted({post.label for post in posts}))
    return Plan(corpus, classes, posts_per_class, seed, allow_threads, preprocessing, labels, posts)


def draw(
    raw_posts: Iterable[RawPost],
    *,
    classes: str,
    posts_per_class: int | None,
    seed: int,
    allow_threads: bool,
    what: str,
    at_most: bool = False,
) -> list[RawPost]:
    """The drawn posts in their given order. With ``at_most`` a smaller class gives what it has."""
    try:
        pattern = re.compile(classes)
    except re.error as error:
        raise UsageError(f"--classes: expected a regular expression, got {classes!r}: {error}") from None
    if posts_per_class is not None and posts_per_class < 1:
        raise UsageError(f"--posts-per-class: expected 'all' or a number from 1, got {posts_per_class}")
    by_label: dict[str, list[RawPost]] = {}
    known: set[str] = set()
    for post in raw_posts:
        known.add(post.label)
        if pattern.search(post.label):
            by_label.setdefault(post.label, []).append(post)
    if not by_label:
        raise CorpusError(
            f"--classes: {classes!r} matches none of the {len(known)} labels of {what}: {', '.join(sorted(known))}"
        )
    chosen: list[RawPost] = []
    for label, posts in by_label.items():
        if posts_per_class is None:
            chosen += posts
            continue
        ranked = sorted(posts, key=lambda post: rank(post.id, seed))
        possible = ranked if allow_threads else _one_a_thread(ranked)
        if len(possible) < posts_per_class and not at_most:
            threads = "" if allow_threads else f" in {len(possible)} threads, of which one post each is drawn"
            raise CorpusError(
                f"--posts-per-class: {posts_per_class} asked for, but {label} of {what} holds {len(posts)} "
                f"posts{threads}; ask for fewer, or for 'all'{'' if allow_threads else ', or say --allow-threads'}"
            )
        wanted = {id(post) for post in possible[:posts_per_class]}
        chosen += [post for post in posts if id(post) in wanted]
    return chosen


def _one_a_thread(posts: Iterable[RawPost]) -> list[RawPost]:
    seen: set[str] = set()
    kept = []
    for post in posts:
        key = post.thread or thread_key(post.raw)
        if key is None or key not in seen:
            kept.append(post)
            if key is not None:
                seen.add(key)
    return kept


def rank(post_id: str, seed: int) -> bytes:
    """Where a post stands in the draw: SHA-256 of ``seed:id``."""
    return hashlib.sha256(f"{seed}:{post_id}".encode()).digest()


def digest_posts(posts: Iterable[Post]) -> str:
    """First 12 hex digits of a SHA-256 over ids, labels and texts, in the given order."""
    sha = hashlib.sha256()
    for post in posts:
        # surrogatepass: a lone surrogate is a character of the post like any other here.
        sha.update(f"{post.id}\0{post.label}\0".encode() + post.text.encode("utf-8", "surrogatepass") + b"\0")
    return sha.hexdigest()[:12]
