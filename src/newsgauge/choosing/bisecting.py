"""Which part of a changed prompt moved the score: two variants and answers on demand in, a `Bisection` out. Pure.

Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on
Software Engineering 28, 2002) on the posts whose answer turned right or wrong finds what reproduces the change. Those
posts were picked for it, so only a sample that nobody picked from decides, by exact paired tests, corrected by Holm.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from .._util.numbers import p_words
from ..records import Post
from ..scoring.scoreboard import compare
from ..scoring.scores import Comparison
from ..scoring.stats import holm
from ..variants.checks import EXAMPLE_KEYS
from ..variants.variants_file import Variant

ALPHA = 0.05
_TEXTS = ("system_instruction", "contents")
#: Settings that make sense together only.
_TOGETHER = (
    ("answer", "json_fields", "answer_cleanup", "confidence"),
    ("model", "tuning", "expected_model_version", "api", "location"),
)
#: What says nothing about how is asked, or is a callable of the user's own.
_NO_SETTINGS = ("name", "about", "repeats", "under", "predict", "estimator", "training")
_EXAMPLE_NAMES = {name: key for key, name in EXAMPLE_KEYS.items()}
#: Two lines that are at least this similar (`difflib`) are versions of one.
_SIMILAR = 0.6
Lines = Sequence[str]
Chosen = frozenset[int]
#: Asks a version: the changed parts and the posts in, the answers by id out.
Ask = Callable[[Chosen, Sequence[Post]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """The parts of a change by name, and what each text is made of: old lines, new ones, which part chooses between.

    ``settings``: a field, or a field and what it holds, such as ``("config", "temperature")`` -> its part.
    """

    old: Variant
    new: Variant
    parts: tuple[str, ...]
    texts: Mapping[str, tuple[tuple[Lines, Lines, int | None], ...]]
    settings: Mapping[tuple[str, ...], int]

    def apply(self, chosen: Chosen, name: str) -> Variant:
        """The old variant with these parts changed, under another name."""
        made = replace(self.old, name=name)
        for (field, *within), part in self.settings.items():
            if part in chosen:
                value = getattr(self.new, field)
                if field == "config" and within:
                    taken = {key: value[key] for key in within if key in value}
                    value = {key: old for key, old in made.config.items() if key not in within} | taken
                elif within:
                    value = replace(getattr(made, field), **{within[0]: getattr(value, within[0])})
                made = replace(made, **{field: value})
        for field, pieces in self.texts.items():
            text = "\n".join(line for old, new, part in pieces for line in (new if part in chosen else old))
            made = replace(made, **{field: text or (None if field == "system_instruction" else "")})  # type: ignore[arg-type]
        return made


@dataclass(frozen=True, slots=True)
class Effect:
    """Parts that were changed together, what that did on posts nobody picked, and the p-value, corrected by Holm.

    ``is_blamed``: p is at most 5%. ``only_together``: blamed as a group, but no single part is.
    """

    parts: tuple[str, ...]
    found: Comparison
    p: float
    is_blamed: bool
    only_together: bool = False


@dataclass(frozen=True, slots=True)
class Bisection:
    """``first``: all parts on the sample. If that shows no change nothing is blamed, and ``whole`` is None.

    ``whole``: all parts on the posts of the verdict; ``effects``: found groups; ``rest``: everything else together.
    """

    first: Comparison
    whole: Comparison | None = None
    effects: tuple[Effect, ...] = ()
    rest: Effect | None = None

    @property
    def blames(self) -> bool:
        """Whether any part is proved to move the score."""
        return any(one.is_blamed for one in (*self.effects, *([self.rest] if self.rest else [])))


def parts_of(old: Variant, new: Variant) -> Change:
    """Split a change: a line of a text that was added, dropped or rewritten, or a setting, is a part."""
    parts: list[str] = []
    texts = {}
    for field in _TEXTS:
        before, after = ((getattr(one, field) or "").split("\n") if getattr(one, field) else [] for one in (old, new))
        pieces = list(_pieces(before, after))
        if any(_n_posts(a) != _n_posts(b) for a, b, _ in pieces):
            pieces = [(before, after, 1)]  # each version must hold the post once
        numbered = []
        for a, b, line in pieces:
            if a != b:
                where = f"line{'s' if len(b) > 1 else ''}{'' if field == _TEXTS[0] else f' of {field}'}"
                last = f"-{line + len(b) - 1}" if len(b) > 1 else ""
                parts.append(f"{where} {line}{last} ({(b or a)[0].strip()[:40]!r}{'' if b else ' dropped'})")
            numbered.append((a, b, len(parts) - 1 if a != b else None))
        texts[field] = tuple(numbered)
    settings: dict[tuple[str, ...], int] = {}
    for name in (one.name for one in fields(Variant) if one.name not in (*_NO_SETTINGS, *_TEXTS)):
        a, b = getattr(old, name), getattr(new, name)
        if a == b or (name,) in settings:
            continue
        if name == "config":
            keys = [key for key in sorted({*a, *b}) if (key in a, a.get(key)) != (key in b, b.get(key))]
            groups: list[list[tuple[str, ...]]] = [[(name, key)] for key in keys]
        elif name == "few_shot" and a and b:
            groups = [[(name, one)] for one in _EXAMPLE_NAMES if getattr(a, one) != getattr(b, one)]
        else:
            group = next((group for group in _TOGETHER if name in group), (name,))
            groups = [[(one,) for one in group if getattr(old, one) != getattr(new, one)]]
        for paths in groups:
            settings.update(dict.fromkeys(paths, len(parts)))
            said = (_EXAMPLE_NAMES.get(path[-1], path[-1]) for path in paths)
            parts.append(" and ".join("examples_per_class" if one == "few_shot" else one for one in said))
    return Change(old, new, tuple(parts), texts, settings)


def _n_posts(lines: Lines) -> int:
    return "\n".join(lines).count("{post}")


def _pieces(before: Lines, after: Lines) -> Iterator[tuple[Lines, Lines, int]]:
    """Lines before and after that belong together, and the number of the first."""
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield before[a:b], after[c:d], c + 1
        else:
            yield from _rewritten(before[a:b], after[c:d], c + 1)


def _rewritten(before: Lines, after: Lines, line: int) -> Iterator[tuple[Lines, Lines, int]]:
    """The most similar lines are versions of one, and so on beside them; what is similar to nothing stays together."""
    if not before or not after or len(before) == len(after) == 1:
        for k, (one, other) in enumerate(itertools.zip_longest(before, after)):
            yield [] if one is None else [one], [] if other is None else [other], line + k
        return
    found = ((_similarity(one, other), -i, -j) for i, one in enumerate(before) for j, other in enumerate(after))
    best, i, j = max(found)
    if best >= _SIMILAR:
        yield from _rewritten(before[:-i], after[:-j], line)
        yield [before[-i]], [after[-j]], line - j
        yield from _rewritten(before[1 - i :], after[1 - j :], line + 1 - j)
    elif len(before) == len(after):
        yield from (([one], [other], line + k) for k, (one, other) in enumerate(zip(before, after, strict=True)))
    else:
        yield before, after, line


@lru_cache(100_000)
def _similarity(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def search(n_parts: int, posts: Sequence[Post], ask: Ask) -> tuple[Comparison, list[Chosen]]:
    """All parts on the sample, and the groups that reproduce the change on the posts that flipped; none if it has none.

    After each group, the rest is searched again, as long as it still moves those posts.
    """
    none, every = frozenset[int](), frozenset(range(n_parts))
    first = _compare(ask, posts, every, none)
    by_id = {post.id: post for post in posts}
    flipped = [by_id[flip.post_id] for flip in (*first.gained, *first.lost)]
    groups: list[Chosen] = []
    base = none
    while base != every:
        now = first if base == none else _compare(ask, flipped, every, base)
        if now.p_two_sided > ALPHA:
            break
        wanted = _net(_compare(ask, flipped, every, base)) / 2

        def reproduces(parts: Chosen, base: Chosen = base, wanted: float = wanted) -> bool:
            net = _net(_compare(ask, flipped, base | parts, base))
            return net >= wanted if wanted > 0 else net <= wanted

        groups.append(smallest(every - base, reproduces))
        base |= groups[-1]
    return first, groups


def smallest(parts: Chosen, reproduces: Callable[[Chosen], bool]) -> Chosen:
    """Zeller's ddmin: a subset of ``parts`` that reproduces the change, and does not without any one of its parts."""
    left, n = sorted(parts), 2
    while len(left) > 1:
        size = -(-len(left) // n)
        chunks = [frozenset(left[at : at + size]) for at in range(0, len(left), size)]
        rests = [frozenset(left) - chunk for chunk in chunks] if len(chunks) > 2 else []
        found = next((one for one in (*chunks, *rests) if reproduces(one)), None)
        if found is not None:
            n = 2 if found in chunks else max(n - 1, 2)
            left = sorted(found)
        elif n >= len(left):
            break
        else:
            n = min(len(left), 2 * n)
    return frozenset(left)


def judge(
    change: Sequence[str], first: Comparison, groups: Sequence[Chosen], posts: Sequence[Post], ask: Ask
) -> Bisection:
    """The effect of each group on posts that nobody picked, one group after the other, so that the effects add up."""
    if not groups:
        return Bisection(first)
    every = frozenset(range(len(change)))
    steps = [frozenset[int]()]
    for group in groups:
        steps.append(steps[-1] | group)
    moved = [_compare(ask, posts, after, before) for before, after in itertools.pairwise(steps)]
    rest = every - steps[-1]
    left = _compare(ask, posts, every, steps[-1]) if rest else None
    adjusted = holm([one.p_two_sided for one in (*moved, *([left] if left else []))])

    def names(parts: Chosen) -> tuple[str, ...]:
        return tuple(change[part] for part in sorted(parts))

    effects = []
    for before, group, found, p in zip(steps, groups, moved, adjusted, strict=False):
        alone = [_compare(ask, posts, before | {part}, before) for part in group] if len(group) > 1 else []
        together = bool(alone) and all(one.p_two_sided > ALPHA for one in alone)
        effects.append(Effect(names(group), found, p, p <= ALPHA, p <= ALPHA and together))
    others = Effect(names(rest), left, adjusted[-1], adjusted[-1] <= ALPHA) if left else None
    return Bisection(first, _compare(ask, posts, every, steps[0]), tuple(effects), others)


def _compare(ask: Ask, posts: Sequence[Post], first: Chosen, second: Chosen) -> Comparison:
    return compare(posts, ask(first, posts), ask(second, posts), names=("changed", "before"))


def _net(found: Comparison) -> int:
    return len(found.gained) - len(found.lost)


def bisection_lines(found: Bisection) -> list[str]:
    """The finding in words."""
    lines = [f"on the sample the change moves the score by {_points(found.first)}"]
    if found.whole is None:
        return [*lines, "no change is shown (two-sided exact test, 5%): no part is blamed"]
    lines.append(f"on {found.whole.n} texts that nobody picked by {_points(found.whole)}")
    total = 100 * _net(found.whole) / found.whole.n
    for one in found.effects:
        what = "; ".join(one.parts)
        if one.is_blamed:
            how = " (only together: none of them does it alone)" if one.only_together else ""
            lines.append(f"{what}{how} accounts for {_points(one.found)} of {total:+.1f}")
        else:
            lines.append(f"{what}: not proved, {_points(one.found)}, corrected {p_words(one.p)}")
    if found.rest is not None:
        state = "also moves the score, by" if found.rest.is_blamed else "not told from noise, together"
        lines.append(f"the rest ({'; '.join(found.rest.parts)}): {state} {_points(found.rest.found)}")
    return lines


def _points(one: Comparison) -> str:
    moved, low, high = (100 * x for x in (_net(one) / one.n, one.low, one.high))
    return f"{moved:+.1f} points [{low:+.1f}, {high:+.1f}], {p_words(one.p_two_sided)}"
