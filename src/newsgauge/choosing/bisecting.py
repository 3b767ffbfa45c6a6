"""Which part of a changed prompt moved the score: two variants and answers on demand in, a `Bisection` out. Pure.

Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on
Software Engineering 28, 2002) on the posts whose answer turned right or wrong finds what reproduces the change. Those
posts were picked for it, so only a sample that nobody picked from decides, by exact paired tests, corrected by Holm.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..records import Post
from ..scoring.scoreboard import compare, p_words
from ..scoring.scores import Comparison
from ..scoring.stats import holm
from ..variants.variants_file import Variant

ALPHA = 0.05
_TEXTS = ("system_instruction", "contents")
#: Settings that only make sense together.
_TOGETHER = (("answer", "json_fields", "answer_cleanup"), ("model", "tuning"))
Chosen = frozenset[int]
#: Asks a version: the changed parts and the posts in, the answers by id out.
Ask = Callable[[Chosen, Sequence[Post]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """The parts of a change by name, and the pieces of each text: old, new, and the part that chooses between them."""

    old: Variant
    new: Variant
    parts: tuple[str, ...]
    texts: Mapping[str, tuple[tuple[str, str, int | None], ...]]
    settings: Mapping[str, int]

    def apply(self, chosen: Chosen, name: str) -> Variant:
        """The old variant with these parts changed, under another name."""
        values: dict[str, Any] = {
            field: getattr(self.new, field) for field, part in self.settings.items() if part in chosen
        }
        for field, pieces in self.texts.items():
            text = "".join(new if part in chosen else old for old, new, part in pieces)
            values[field] = text or (None if field == "system_instruction" else "")
        return replace(self.old, name=name, **values)


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


def parts_of(old: Variant, new: Variant) -> Change:
    """Split a change: a line of a text that was added, dropped or rewritten, or a setting, is a part."""
    parts: list[str] = []
    texts = {}
    for field in _TEXTS:
        before, after = (getattr(one, field) or "" for one in (old, new))
        pieces = _pieces(before.splitlines(keepends=True), after.splitlines(keepends=True))
        if any(a != b and "{post}" in a + b for a, b, _ in pieces):
            pieces = [(before, after, 1)]  # each version must hold the post once
        numbered = []
        for a, b, line in pieces:
            if a != b:
                where = f"{'line' if field == 'system_instruction' else 'line of contents'} {line}"
                parts.append(f"{where} ({(b or a).strip()[:40]!r}{'' if b else ' dropped'})")
            numbered.append((a, b, len(parts) - 1 if a != b else None))
        texts[field] = tuple(numbered)
    settings: dict[str, int] = {}
    names = [one.name for one in fields(Variant) if one.name not in ("name", "about", "repeats", *_TEXTS)]
    for name in (name for name in names if getattr(old, name) != getattr(new, name) and name not in settings):
        group = next((group for group in _TOGETHER if name in group), (name,))
        changed = [one for one in group if getattr(old, one) != getattr(new, one)]
        settings.update(dict.fromkeys(changed, len(parts)))
        parts.append(" and ".join(changed))
    return Change(old, new, tuple(parts), texts, settings)


def _pieces(before: list[str], after: list[str]) -> list[tuple[str, str, int]]:
    found = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "replace" and b - a != d - c:
            found.append(("".join(before[a:b]), "".join(after[c:d]), c + 1))
            continue
        lines = itertools.zip_longest(before[a:b], after[c:d], fillvalue="")
        found += [(one, other, c + k) for k, (one, other) in enumerate(lines, 1)]
    return found


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
    lines.append(f"on {found.whole.n} posts that nobody picked by {_points(found.whole)}")
    total = 100 * _net(found.whole) / found.whole.n
    for one in found.effects:
        what = "; ".join(one.parts)
        if one.is_blamed:
            how = " (only together: none of them does it alone)" if one.only_together else ""
            lines.append(f"{what}{how} accounts for {_points(one.found)} of {total:+.1f}")
        else:
            lines.append(f"{what}: not proved, {_points(one.found)}, corrected {p_words(one.p)}")
    if found.rest is not None:
        state = "also moves the score, by" if found.rest.is_blamed else "noise, together"
        lines.append(f"the rest ({'; '.join(found.rest.parts)}): {state} {_points(found.rest.found)}")
    return lines


def _points(one: Comparison) -> str:
    moved, low, high = (100 * x for x in (_net(one) / one.n, one.low, one.high))
    return f"{moved:+.1f} points [{low:+.1f}, {high:+.1f}], {p_words(one.p_two_sided)}"
