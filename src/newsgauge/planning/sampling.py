"""Which posts are asked about: raw posts in, a `Plan` out. Pure, seeded, and the same on every machine.

A post's rank in the draw is the SHA-256 of the seed and its id, so the sample does not depend on the order in which
posts were read, on a random number generator or on a library's version, and a sample of 10 a class is part of the
sample of 50 with the same seed.

If a post is asked more than once, the first answer has the post's id, as without repeats, so adding repeats
changes no recording. The others have ``<id>~r2``, ``<id>~r3`` and so on; an id's own ``~`` is %-encoded.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from itertools import accumulate, groupby, islice

from .._util.wording import did_you_mean, plural
from ..errors import CorpusError, UsageError
from ..records import Post, RawPost
from .stops import Stop


@dataclass(frozen=True, slots=True)
class Plan:
    """The posts of a run, sorted by label and number, and how they were drawn."""

    corpus: str
    classes: str
    posts_per_class: int | None
    seed: int
    allow_threads: bool
    preprocessing: str
    labels: tuple[str, ...]
    posts: tuple[Post, ...]
    #: If this is a part of a plan, or its texts are not at hand: the digest of the whole plan.
    whole_digest: str = ""
    #: How often each post is asked, for the variants that ask more than once.
    repeats: Mapping[str, int] = field(default_factory=dict)
    #: ``at-most:10`` or ``proportional:300`` if labels may differ in number; '' if ``posts_per_class`` says it all.
    sample: str = ""
    #: Posts of each label in the corpus; empty if unknown.
    population: Mapping[str, int] = field(default_factory=dict)
    #: All labels of the corpus, including those that ``classes`` leaves out; empty if unknown.
    corpus_labels: tuple[str, ...] = ()
    #: What messages call a text.
    unit: str = "post"
    #: Name of a slicing -> id of a post -> the slice it stands in; in the order in which slices are shown.
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    #: Variants that are asked under a disturbance -> what makes of a post the one that is asked.
    disturbed: Mapping[str, Callable[[Post], Post]] = field(default_factory=dict)
    #: Variants whose recording stopped before the end of the plan -> where; see `stopped_at`.
    stops: Mapping[str, Stop] = field(default_factory=dict)
    #: Those variants -> the ids of the posts they were asked, of the whole plan.
    stopped: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_about(self, classes: str) -> bool:
        """Whether the regex ``classes`` keeps the labels of this plan: two texts may choose the same."""
        if classes == self.classes or not self.corpus_labels:
            return classes == self.classes
        return {label for label in self.corpus_labels if re.search(classes, label)} == set(self.labels)

    @property
    def texts(self) -> str:
        """The corpus, with the preprocessing if that is not the usual one: what a score is about."""
        return self.corpus if self.preprocessing == "clean" else f"{self.corpus}+{self.preprocessing}"

    @property
    def units(self) -> str:
        """The plural of ``unit``."""
        return plural(self.unit)

    @property
    def digest(self) -> str:
        """First 12 hex digits of a SHA-256 over ids, labels and texts: two runs with equal digests asked the same.

        A sample with other numbers of each label also counts how it was drawn: its accuracy means something else.
        """
        return self.whole_digest or digest_posts(self.posts, drawn=self.sample)

    def asked(self, variant: str) -> tuple[Post, ...]:
        """What a variant is asked: every post, disturbed if it says so, and under a key of its own for each repeat."""
        disturb, posts = self.disturbed.get(variant), self.shared(variant)
        posts = posts if disturb is None else tuple(map(disturb, posts))
        return repeated(posts, self.repeats.get(variant, 1))

    def asked_keys(self, variants: Iterable[str]) -> dict[str, set[str]]:
        """By variant the keys of its cases."""
        return {name: {post.id for post in repeated(self.shared(name), self.repeats.get(name, 1))} for name in variants}

    def shared(self, *variants: str) -> tuple[Post, ...]:
        """The posts that each of these variants is asked: all, but for those behind the stop of one of them."""
        own = [self.stopped[variant] for variant in variants if variant in self.stopped]
        return tuple(post for post in self.posts if all(post.id in ids for ids in own)) if own else self.posts

    def n_cases(self, variants: Iterable[str]) -> int:
        """How many cases that is for these variants."""
        return sum(len(self.shared(variant)) * self.repeats.get(variant, 1) for variant in variants)

    def first(self, n: int) -> list[Post]:
        """The ``n`` posts of each label that come first in the draw, so that a smaller plan asks no others."""
        drawn = sorted(self.posts, key=lambda post: (post.label, rank(post.id, self.seed)))
        return [post for _, own in groupby(drawn, key=lambda post: post.label) for post in islice(own, n)]


def asking_order(posts: Iterable[Post], seed: int) -> list[Post]:
    """The order of asking in a recording that may stop: in rounds over the labels, each in the order of the draw.

    A label with fewer posts is spread evenly over the whole, so that each part of the plan has the mix of all of it.
    """
    by_label: dict[str, list[Post]] = {}
    for post in sorted(posts, key=lambda post: rank(post.id, seed)):
        by_label.setdefault(post.label, []).append(post)
    placed = [
        ((2 * place + 1) / (2 * len(own)), label, post)
        for label, own in sorted(by_label.items())
        for place, post in enumerate(own)
    ]
    return [post for _, _, post in sorted(placed, key=lambda one: one[:2])]


def counted_posts(plan: Plan) -> list[tuple[Post, bool]]:
    """All posts in the order of asking, and whether each is the first of its thread: only such are independent."""
    seen: set[str] = set()
    found = []
    for post in asking_order(plan.posts, plan.seed):
        found.append((post, post.thread is None or post.thread not in seen))
        seen |= {post.thread} if post.thread is not None else set()
    return found


def counted_looks(posts: Sequence[tuple[Post, bool]], looks: Sequence[int]) -> tuple[int, ...]:
    """How many posts count at each look."""
    n_counted = [0, *accumulate(counts for _, counts in posts)]
    return tuple(n_counted[n] for n in looks)


def stopped_at(plan: Plan, stops: Mapping[str, Stop]) -> Plan:
    """The same plan, planned for these variants up to their stops alone."""
    order = [post.id for post in asking_order(plan.posts, plan.seed)] if stops else []
    return replace(plan, stops=stops, stopped={name: frozenset(order[: one.n]) for name, one in stops.items()})


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
    sample: str = "",
) -> Plan:
    """Draw ``posts_per_class`` posts of each label (None: all), then keep the labels that match the regex ``classes``.

    Of a thread at most one post of a label is drawn, unless ``allow_threads``, or all posts are wanted. The regex is
    searched for, as in the codelab: ``^rec|^sci`` keeps the eight groups of rec.* and sci.*.
    ``sample``: ``at-most:N`` takes what a smaller label has; ``proportional:N`` draws N posts in the data's own mix.
    Raises `UsageError` for a broken regex, `CorpusError` if it matches nothing or a class holds too few posts.
    """
    raw_posts = list(raw_posts)
    drawn = draw(
        raw_posts,
        classes=classes,
        posts_per_class=posts_per_class,
        seed=seed,
        allow_threads=allow_threads,
        what=f"{corpus} test",
        sample=sample,
    )
    posts = tuple(Post(raw.id, raw.label, preprocess(raw.raw), raw.thread) for raw in drawn)
    labels = tuple(sorted({post.label for post in posts}))
    population = Counter(raw.label for raw in raw_posts if raw.label in labels)
    return Plan(
        corpus,
        classes,
        posts_per_class,
        seed,
        allow_threads,
        preprocessing,
        labels,
        posts,
        sample=sample,
        population=dict(sorted(population.items())),
        corpus_labels=tuple(sorted({raw.label for raw in raw_posts})),
    )


def describe_sample(plan: Plan) -> list[str]:
    """What is asked, and, if the labels are not equally frequent in the data, what an accuracy of it is one of."""
    n_labels, n_posts = len(plan.labels), len(plan.posts)
    if plan.sample.startswith("proportional"):
        drawn = f"{n_labels} labels in the data's own mix"
    else:
        few = "at most " if plan.sample else ""
        per_class = f"all {plan.units}" if plan.posts_per_class is None else f"{few}{plan.posts_per_class} {plan.units}"
        drawn = f"{per_class} of each of {n_labels} labels"
    lines = [f"corpus {plan.texts}, {drawn} = {n_posts} {plan.units} (seed {plan.seed}, plan {plan.digest})"]
    by_size = sorted(plan.population.items(), key=lambda one: (-one[1], one[0]))
    if not by_size or by_size[0][1] == by_size[-1][1]:
        return lines
    (most, n_most), (least, n_least) = by_size[0], by_size[-1]
    data = f"in the data {most} has {n_most:,} of {sum(plan.population.values()):,} and {least} {n_least:,}"
    counts = Counter(post.label for post in plan.posts)
    if plan.sample.startswith("proportional"):
        said = "each label counts as often as it occurs"
    elif plan.posts_per_class is None:
        said = f"all {plan.units}, so each label counts as often as it occurs"
    elif short := [f"{label} {counts[label]}" for label in plan.labels if counts[label] < plan.posts_per_class]:
        more = f" and {len(short) - 8} more" if len(short) > 8 else ""
        said = f"at most {plan.posts_per_class} of each label; fewer of {', '.join(short[:8])}{more}"
    else:
        said = f"{plan.posts_per_class} of each label, so all labels count equally"
    return [*lines, f"sample: {said}; {data}"]


def draw(
    raw_posts: Iterable[RawPost],
    *,
    classes: str,
    posts_per_class: int | None,
    seed: int,
    allow_threads: bool,
    what: str,
    sample: str = "",
) -> list[RawPost]:
    """The drawn posts of ``what``, in their given order; `make_plan` says by which rules, and what it raises."""
    try:
        pattern = re.compile(classes)
    except re.error as error:
        raise UsageError(f"--classes: expected a regular expression, got {classes!r}: {error}") from None
    if posts_per_class is not None and posts_per_class < 1:
        raise UsageError(f"--posts-per-class: expected 'all' or a number from 1, got {posts_per_class}")
    by_label: dict[str, list[RawPost]] = {}
    for post in raw_posts:
        by_label.setdefault(post.label, []).append(post)
    known = sorted(by_label)
    by_label = {label: posts for label, posts in by_label.items() if pattern.search(label)}
    if not by_label:
        raise CorpusError(
            f"--classes: {classes!r} matches none of the {len(known)} labels of {what}: {', '.join(known)}"
            f"{did_you_mean(classes.strip('^$'), known)}"
        )
    kind, _, number = sample.partition(":")
    if posts_per_class is None and kind != "proportional":
        return [post for posts in by_label.values() for post in posts]
    possible = {}
    for label, posts in by_label.items():
        ranked = sorted(posts, key=lambda post: rank(post.id, seed))
        possible[label] = ranked if allow_threads else _one_a_thread(ranked)
    if kind == "proportional":
        wanted = _in_proportion(int(number), by_label, possible, what=what)
    else:
        wanted = dict.fromkeys(by_label, posts_per_class or 0)
        if kind != "at-most" and (short := [label for label, own in possible.items() if len(own) < wanted[label]]):
            first, others = short[0], ", ".join(f"{label} {len(possible[label])}" for label in short[1:])
            threads = f" in {len(possible[first])} threads, of which one each is drawn"
            raise CorpusError(
                f"--posts-per-class: {posts_per_class} asked for, but {first} of {what} holds {len(by_label[first])}"
                f"{'' if allow_threads else threads}{f' (also too few: {others})' if others else ''}; ask for fewer, "
                f"for 'at-most:{posts_per_class}', which takes what there is, or for 'all'"
                f"{'' if allow_threads else ', or say --allow-threads'}"
            )
    kept = {id(post) for label, posts in possible.items() for post in posts[: wanted[label]]}
    return [post for posts in by_label.values() for post in posts if id(post) in kept]


def _in_proportion(
    n: int, by_label: Mapping[str, list[RawPost]], possible: Mapping[str, list[RawPost]], *, what: str
) -> dict[str, int]:
    """The number of posts per label: one of each, then always of the label with the most posts per post drawn.

    This is Sainte-Laguë's method: a larger sample contains the smaller one; no label is left out, and none is
    asked for more than it has. Raises `CorpusError`.
    """
    n_possible = sum(map(len, possible.values()))
    if not len(by_label) <= n <= n_possible:
        raise CorpusError(
            f"--sample proportional:{n}: expected a number from {len(by_label)}, one of each label, to "
            f"{n_possible:,}, which is what {what} holds with one per thread"
        )
    quotients = (
        (-len(by_label[label]) / (2 * drawn + 1), label)
        for label, own in possible.items()
        for drawn in range(1, len(own))
    )
    further = nsmallest(n - len(by_label), quotients)
    drawn = Counter(label for _, label in further)
    return {label: 1 + drawn[label] for label in by_label}


def _one_a_thread(posts: Iterable[RawPost]) -> list[RawPost]:
    first: dict[Hashable, RawPost] = {}
    for post in posts:
        first.setdefault(post.thread or (post.id, "no thread"), post)
    return list(first.values())


def rank(post_id: str, seed: int) -> bytes:
    """The rank of a post in the draw: SHA-256 of ``seed:id``."""
    return hashlib.sha256(f"{seed}:{post_id}".encode()).digest()


def digest_posts(posts: Iterable[Post], *, drawn: str = "") -> str:
    """First 12 hex digits of a SHA-256 over ids, labels and texts, in the given order, after how they were drawn."""
    sha = hashlib.sha256(drawn.encode())
    for post in posts:
        # surrogatepass: a lone surrogate is a character of the post like any other here.
        sha.update(f"{post.id}\0{post.label}\0".encode() + post.text.encode("utf-8", "surrogatepass") + b"\0")
    return sha.hexdigest()[:12]


_MARK = "~r"


def repeat_key(post_id: str, number: int) -> str:
    """The key of the ``number``-th answer to a post, counted from 1."""
    return post_id if number == 1 else f"{post_id}{_MARK}{number}"


def split_key(key: str) -> tuple[str, int]:
    """The id of the post, and which answer to it this is, from 1."""
    post_id, mark, number = key.partition(_MARK)
    return post_id, int(number) if mark else 1


def repeated(posts: Iterable[Post], times: int) -> tuple[Post, ...]:
    """Every post ``times`` times under the keys of its answers: all first ones, then all second ones, and so on."""
    posts = tuple(posts)
    more = (replace(post, id=repeat_key(post.id, number)) for number in range(2, times + 1) for post in posts)
    return (*posts, *more)
