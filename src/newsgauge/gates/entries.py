"""The tables of gates.toml as the kinds of gates read them: an entry has known keys, a reason, and values in range."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import GatesError
from ..scoring.stats.power import NEAREST_LIMIT

#: How a limit is held in a live run: against a one-sided 95% bound, or against the value itself.
Bound = Literal["confidence", "value"]


def number(value: Any) -> float:
    """The number, NaN for anything else: no range holds it."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


@dataclass(frozen=True, slots=True)
class Entry:
    """One limit as the file has it; ``where`` names file, table and key for messages."""

    where: str
    values: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """Why the limit is where it is."""
        return str(self.values["reason"])

    @property
    def bound(self) -> Bound:
        """How a live run holds it."""
        bound: Bound = self.values.get("bound", "confidence")
        if bound not in get_args(Bound):
            raise GatesError(f"{self.where}: unknown bound {bound!r}; known: {', '.join(get_args(Bound))}")
        return bound

    def value(self, key: str, expected: str, holds: Callable[[Any], bool], default: Any = None) -> Any:
        """What stands under the key. Raises `GatesError` where it is not as expected."""
        value = self.values.get(key, default)
        if not holds(value):
            raise GatesError(f"{self.where}: expected {key!r} {expected}, got {value!r}")
        return value

    def number(self, key: str, expected: str, holds: Callable[[float], bool], default: float | None = None) -> float:
        """The number under the key."""
        return float(self.value(key, expected, lambda value: holds(number(value)), default))

    def rate(self, key: str = "limit", *, ends: bool = False) -> float:
        """A rate that a sample can be held to; ``ends``: 0 and 1 are such rates, too."""
        expected = "from 0 to 1" if ends else "above 0 and below 1"
        limit = self.number(key, expected, lambda rate: 0 < rate < 1 or (ends and rate in (0, 1)))
        if limit not in (0, 1) and not NEAREST_LIMIT <= limit <= 1 - NEAREST_LIMIT:
            raise GatesError(
                f"{self.where}: expected {key!r} {'0, 1 or ' if ends else ''}from {NEAREST_LIMIT:f} to "
                f"{1 - NEAREST_LIMIT:f}, as no sample tells nearer ones from 0 or 1; got {self.values[key]!r}"
            )
        return limit


@dataclass(frozen=True, slots=True)
class Table:
    """The table of a variant. ``known``: the other variants; empty where they are not known here."""

    where: str
    variant: str
    values: Mapping[str, Any]
    known: Collection[str] = ()
    slicings: Collection[str] = ()

    def is_other(self, variant: Any) -> bool:
        """Whether the value names another variant."""
        return variant not in (None, "", self.variant) and (not self.known or variant in self.known)

    def listed(self, key: str) -> list[Any]:
        """What stands under a key that may hold one value or a list of them; empty if it is absent."""
        value = self.values.get(key, [])
        return value if isinstance(value, list) else [value]

    def entry(self, key: str, value: Any, keys: Collection[str], optional: Collection[str] = ()) -> Entry:
        """A value of the key, as an entry with no other keys than these and its reason. Raises `GatesError`."""
        where = f"{self.where} {key}"
        reason = value.get("reason") if isinstance(value, dict) else None
        if not isinstance(reason, str) or not reason.strip() or not set(value) <= {*keys, *optional, "reason"}:
            shown = ", ".join([*sorted(keys), "reason"])
            also = f"; also known: {', '.join(sorted(optional))}" if optional else ""
            raise GatesError(f"{where}: expected {{ {shown} }} with a non-empty reason{also}; got {value!r}")
        return Entry(where, value)
