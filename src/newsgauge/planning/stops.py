"""Where a recording stopped because its gates were decided: a file beside the cassettes in, one `Stop` per variant out.

One file for all plans of a folder of cassettes. It contains its own hash, so that edits by hand are noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._util.files import exclusive, replace_file
from ..errors import UsageError

NAME = "until_decided.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class DecidedLimit:
    """A limit of a gate, what was found of it, and at which look, from 1; INCONCLUSIVE: at no look up to the last.

    ``metric``: of a comparison the name of its gate; ``among``: the pairs of variants for which it was corrected, its
    own one too. Of a drop: ``against`` is a hash of the baseline's answers, which may be replaced later, and
    ``counts`` the posts, gains and losses at each look, so that it can be decided again without them.
    """

    metric: str
    limit: float
    finding: str
    look: int
    among: tuple[tuple[str, str], ...] = ()
    against: str = ""
    counts: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """A variant was asked the first ``n`` posts, in the order of asking, up to look number ``look``.

    ``looks``: the numbers of answers at which it was to be looked, planned before the first; the last is the whole
    plan. ``limits``: what all the gates of the variant came to.
    """

    n: int
    look: int
    looks: tuple[int, ...]
    limits: tuple[DecidedLimit, ...]

    @property
    def cap(self) -> int:
        """The posts of the plan."""
        return self.looks[-1]

    def decided(self, one: DecidedLimit) -> str:
        """``FAIL at look 12 of 20, after 240 of 400``."""
        n = self.looks[one.look - 1]
        return f"{one.finding} at look {one.look} of {len(self.looks)}, after {n:,} of {self.cap:,}"

    def words(self, cost: str = "") -> str:
        """``FAIL after 243 of 400 (look 12 of 20), 157 calls saved``; ``cost``: what else is saved."""
        found = [one.finding for one in self.limits]
        worst = next(word for word in ("FAIL", "INCONCLUSIVE", "PASS") if word in found)
        saved = f", {self.cap - self.n:,} calls{cost} saved" if self.n < self.cap else ""
        return f"{worst} after {self.n:,} of {self.cap:,} (look {self.look} of {len(self.looks)}){saved}"


def encode_stops(stops: Mapping[str, Stop]) -> dict[str, Any]:
    """As JSON has them."""
    tree: dict[str, Any] = json.loads(json.dumps({name: asdict(one) for name, one in stops.items()}))
    return tree


def decode_stops(value: Mapping[str, Any]) -> dict[str, Stop]:
    """The inverse. Raises KeyError, TypeError or ValueError for anything else."""
    return {
        name: Stop(**{**one, "looks": tuple(one["looks"]), "limits": tuple(map(_decode_limit, one["limits"]))})
        for name, one in value.items()
    }


def _decode_limit(value: Mapping[str, Any]) -> DecidedLimit:
    lists = {name: tuple(map(tuple, value.get(name, ()))) for name in ("among", "counts")}
    return DecidedLimit(**{**value, **lists})


def load_stops(folder: Path, plan: str) -> dict[str, Stop]:
    """The stops of the plan with this digest in a folder of cassettes; none if no recording of it stopped early.

    Raises `UsageError` for a file that no recording left like this.
    """
    return decode_stops(_read(folder / NAME).get(plan, {}))


def save_stops(folder: Path, plan: str, changed: Mapping[str, Stop | None]) -> None:
    """Put in, or take out, the stops of these variants; those of others and of other plans stay. OSError, `UsageError`.

    Without any stop left there is no file.
    """
    path = folder / NAME
    if not path.exists() and not any(changed.values()):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path):  # the recording of another plan may end meanwhile
        plans = _read(path)
        own = {**decode_stops(plans.get(plan, {})), **changed}
        plans[plan] = encode_stops({name: one for name, one in sorted(own.items()) if one is not None})
        plans = {digest: stops for digest, stops in sorted(plans.items()) if stops}
        if plans:
            value = {"format": _FORMAT, "digest": _digest(plans), "plans": plans}
            replace_file(path, json.dumps(value, indent=1) + "\n")
        else:
            path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    shown = os.path.relpath(path)
    try:
        text = path.read_text("utf-8")
        if not text:  # made by who is about to write it
            return {}
        value = json.loads(text)
        plans: dict[str, Any] = value["plans"]
        if value["format"] != _FORMAT or value["digest"] != _digest(plans):
            raise UsageError(
                f"{shown}: expected what 'newsgauge record --until-decided' wrote, but it was changed since: its "
                "digest does not match. Restore it (git checkout), or remove it and record with --until-decided "
                "again: what is recorded is not asked twice"
            )
        for stops in plans.values():
            decode_stops(stops)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{shown}: not the stops of recordings ({type(error).__name__}: {error}). Restore it (git checkout), or "
            "remove it and record with --until-decided again: what is recorded is not asked twice"
        ) from None
    return plans


def _digest(plans: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plans, sort_keys=True).encode()).hexdigest()[:12]
