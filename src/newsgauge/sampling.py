"""Which posts are asked about: raw posts in, a `Plan` out. Pure, seeded, and the same on every machine.

A post's rank in the draw is the SHA-256 of the seed and its id, so the sample does not depend on the order in which
posts were read, on a random number generator or on a library's version, and a sample of 10 a class is part of the
sample of 50 with the same seed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .errors import CorpusError, UsageError
from .records import Post, RawPost


@dataclass(frozen=True, slots=True)
class Plan:
    """The posts of a run, sorted by label and number, and what they were drawn by."""

    corpus: str
    classes: str
    posts_per_class: int | None
    seed: int
    labels: tuple[str, ...]
    posts: tuple[Post, ...]

    @property
    def digest(self) -> str:
        """First 12 hex digits of a SHA-256 over ids, labels and texts: two runs with equal digests asked the same."""
        return digest_posts(self.posts)


def make_plan(
    raw_posts: Iterable[RawPost],
    *,
    corpus: str,
    classes: str,
    posts_per_class: int | None,
    seed: int,
    preprocess: Callable[[str], str],
) -> Plan:
    """Draw ``posts_per_class`` posts of each label (None: all), then keep the labels that match the regex ``classes``.

    The regex is searched for, as in the codelab: ``^rec|^sci`` keeps the eight groups of rec.* and sci.*.
    Raises `UsageError` for a broken regex, `CorpusError` where it matches nothing or a class holds too few posts.
    """
    drawn = draw(raw_posts, classes=classes, posts_per_class=posts_per_class, seed=seed, what=f"{corpus} test")
    posts = tuple(Post(raw.id, raw.label, preprocess(raw.raw)) for raw in drawn)
    return Plan(corpus, classes, posts_per_class, seed, tuple(sorted({p.label for p in posts})), posts)


def draw(
    raw_posts: Iterable[RawPost],
    *,
    classes: str,
    posts_per_class: int | None,
    seed: int,
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
        if len(posts) < posts_per_class and not at_most:
            raise CorpusError(
                f"--posts-per-class: {posts_per_class} asked for, but {label} of {what} holds {len(posts)}; "
                f"ask for at most {min(map(len, by_label.values()))}, or for 'all'"
            )
        wanted = set(sorted(posts, key=lambda post: rank(post.id, seed))[:posts_per_class])
        chosen += [post for post in posts if post in wanted]
    return chosen


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
