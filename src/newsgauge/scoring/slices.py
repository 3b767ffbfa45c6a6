"""The accuracy of each slice of the posts: a plan with slices and results in, one score per slice out. Pure.

``[slices]`` of gates.toml and the posts of a plan in; the slice that each post stands in, out.

Enters: rules such as ``{ by = "length" }`` and what they need to be applied. Leaves: for each rule a mapping from the
id of a post to the name of its slice. Knows no results.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.files import read_toml
from ..errors import GatesError
from ..planning.sampling import Plan, split_key
from ..records import Key, Post, Result
from ..variants.callables import describe, load_callable
from .stats.intervals import Interval, scaled_count, threaded, wilson_interval

if TYPE_CHECKING:
    from ..running.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class SliceScore:
    """``slicing``: the name in ``[slices]``; ``name``: which of its slices. ``effective_n``: as in `Score`.

    ``one_more``: the wrong answer that exact bounds add, as `one_more_thread`.
    """

    slicing: str
    name: str
    n: int
    n_correct: int
    effective_n: float
    one_more: float = 1.0

    @property
    def accuracy(self) -> float:
        """Correct answers over answered cases; NaN if there are none."""
        return self.n_correct / self.n if self.n else math.nan

    @property
    def worth(self) -> tuple[float, float]:
        """Right answers and posts, scaled to the slice's effective sample size."""
        return scaled_count(self.n_correct, self.n, self.effective_n) if self.n else 0.0, self.effective_n

    @property
    def interval_95(self) -> Interval:
        """Wilson's interval, by thread if threads repeat."""
        return wilson_interval(*self.worth)


def slice_scores(results: Mapping[Key, Result], plan: Plan, variant: str) -> tuple[SliceScore, ...]:
    """The slices of each slicing, in the order of the plan; none of posts that are not in the plan."""
    return tuple(
        _slice_score(slicing, name, [post for post in plan.asked(variant) if of[split_key(post.id)[0]] == name], found)
        for slicing, of in plan.slices.items()
        for found in [{post_id: result for (post_id, one), result in results.items() if one == variant}]
        for name in dict.fromkeys(of.values())
    )


def _slice_score(slicing: str, name: str, posts: list[Post], results: Mapping[str, Result]) -> SliceScore:
    seen = [(post, one) for post in posts if (one := results.get(post.id)) is not None and one.prediction is not None]
    correct = [result.correct for _, result in seen]
    threads = [post.thread or f"\0{split_key(post.id)[0]}" for post, _ in seen]
    return SliceScore(slicing, name, len(seen), sum(correct), *threaded(correct, threads))


#: The table of gates.toml.
SLICES = "slices"
#: The quarters of the posts by length, shortest first.
QUARTERS = ("shortest", "short", "long", "longest")
_BY = ("length", "quotes")
_WAYS = ("by", "column", "regex", "function")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_CALLED = inspect.signature(lambda text: None)
#: A line that quotes another post: ``> ...``, ``JD> ...`` or ``| ...``, or that says whom it quotes.
_QUOTE = re.compile(r"^[ \t]*(?:[A-Za-z]{0,3}[>|]|.*\b(?:writes|wrote|says):?[ \t]*$)", re.MULTILINE)
#: The longest name of a slice: a column of texts makes no slices.
_MAX_NAME = 60

Slices = Mapping[str, Mapping[str, str]]


def load_slicings(path: Path) -> dict[str, dict[str, str]]:
    """The rules by name, checked. Raises `GatesError`."""
    table = read_toml(path, expected="the limits to hold", error=GatesError).get(SLICES, {})
    if not isinstance(table, dict):
        raise GatesError(f"{path.name}: [{SLICES}]: expected a table, got {table!r}")
    for name, rule in table.items():
        where = f"{path.name}: [{SLICES}] {name}"
        if not _NAME.fullmatch(name):
            raise GatesError(f"{where}: expected a name of lower-case letters, digits and hyphens")
        if not isinstance(rule, dict) or len(rule) != 1 or not set(rule) <= set(_WAYS):
            raise GatesError(
                f"{where}: expected one of {', '.join(f'{{ {way} = ... }}' for way in _WAYS)}, got {rule!r}"
            )
        ((way, value),) = rule.items()
        if not isinstance(value, str) or not value or (way == "by" and value not in _BY):
            known = f"one of {', '.join(_BY)}" if way == "by" else "a text"
            raise GatesError(f"{where}: expected {way!r} to be {known}, got {value!r}")
        if way == "regex":
            try:
                re.compile(value)
            except re.error as error:
                raise GatesError(f"{where}: expected a regular expression, got {value!r}: {error}") from None
        if way == "function" and not re.fullmatch(r"[\w.]+:\w+", value):
            raise GatesError(f'{where}: expected a function as "module:name", got {value!r}')
    return table


def with_slices(setup: RunConfig, path: Path) -> RunConfig:
    """The setup with the slices of its posts, as the gates file ``path`` names them. Raises `UsageError`."""
    slices = slice_posts(path, setup.plan.posts, column=setup.corpus.column, folders=setup.code)
    return replace(setup, plan=replace(setup.plan, slices=slices)) if slices else setup


def slice_posts(
    path: Path, posts: Sequence[Post], *, column: Callable[[str], Mapping[str, str]], folders: Sequence[Path] = ()
) -> Slices:
    """The slice of each post, for every rule of the file ``path``.

    ``column`` gives the cells of a column of the user's table by the id of their post; functions are looked for in
    ``folders`` first. Raises `GatesError`, and whatever ``column`` raises.
    """
    return {
        name: _sliced(f"{path.name}: [{SLICES}] {name}", rule, posts, column, folders)
        for name, rule in load_slicings(path).items()
    }


def _sliced(
    where: str,
    rule: Mapping[str, str],
    posts: Sequence[Post],
    column: Callable[[str], Mapping[str, str]],
    folders: Sequence[Path],
) -> Mapping[str, str]:
    ((way, value),) = rule.items()
    if (way, value) == ("by", "length"):  # quarters of equal size; of equally long texts the id decides
        ordered = sorted(posts, key=lambda post: (len(post.text), post.id))
        return {post.id: QUARTERS[place * len(QUARTERS) // len(ordered)] for place, post in enumerate(ordered)}
    if way == "column":
        cells = column(value)
        found = {post.id: cells.get(post.id) or "(empty)" for post in posts}
    elif way == "function":
        function = load_callable(value, folders, where=where, called=_CALLED)
        found = {post.id: _called(where, value, function, post) for post in posts}
    else:
        pattern = _QUOTE if way == "by" else re.compile(value)
        found = {post.id: "yes" if pattern.search(post.text) else "no" for post in posts}
    if long := next((name for name in found.values() if len(name) > _MAX_NAME), None):
        raise GatesError(f"{where}: expected names of slices of at most {_MAX_NAME} characters, got one of {len(long)}")
    return dict(sorted(found.items(), key=lambda one: one[1]))


def _called(where: str, spec: str, function: Callable[..., Any], post: Post) -> str:
    try:
        name = function(post.text)
    except Exception as error:
        words = describe(error, is_private=lambda words: True)  # they may quote the text
        raise GatesError(f"{where}: {spec} failed on {post.id}: {words}") from None
    if not isinstance(name, str | int | bool) or not str(name).strip():
        raise GatesError(f"{where}: expected {spec} to return the name of a slice, got {type(name).__name__}")
    return ("yes" if name else "no") if isinstance(name, bool) else str(name)
