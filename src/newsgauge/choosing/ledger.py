"""How often a sample has decided something: ``<corpus>.decisions.jsonl`` beside the baseline, one decision a line.

Enters: a decision with the posts it was made on. Leaves: how many a plan has made, and the posts that any was made on.
The same question put again to the same answers decides nothing new: it is one decision.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .._util.files import read_toml
from .._util.platform import is_ci
from ..errors import UsageError
from ..planning.sampling import Plan

#: What is confirmed, beside the baselines of a backend.
CONFIRMATIONS = "confirmations.json"
Kind = Literal["update-baseline", "compare", "confirm"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of a corpus and backend. ``gates`` is a hash of the limits that are set for it today."""

    path: Path
    gates: str

    def note(self, kind: Kind, about: str, plan: Plan, *, environ: Mapping[str, str] = os.environ) -> None:
        """Add a decision, unless it is there already. CI decides nothing new, and a folder may be read-only."""
        lines = self._lines()
        if is_ci(environ) or any(
            (one["decided"], one["about"], one["plan"]) == (kind, about, plan.digest) for one in lines
        ):
            return
        posts = {} if any(one["plan"] == plan.digest for one in lines) else {"posts": [p.id for p in plan.posts]}
        line = {"plan": plan.digest, "decided": kind, "about": about, "gates": self.gates, **posts}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def n_decisions(self, plan: str) -> int:
        """Decisions of the plan, and how often the limits changed after one."""
        lines = [one for one in self._lines() if one["plan"] == plan]
        limits = {one["gates"] for one in lines} | ({self.gates} if lines else set())
        return len({(one["decided"], one["about"]) for one in lines}) + max(0, len(limits) - 1)

    def used(self) -> set[str]:
        """Ids of all posts that a decision was made on."""
        return {post for one in self._lines() for post in one.get("posts", ())}

    def header(self, plan: str) -> list[str]:
        """What the header of a run says; nothing while the sample decides for the first time."""
        n = self.n_decisions(plan)
        return (
            [f"this sample has decided {n} times; confirm on fresh posts: newsgauge confirm VARIANT"] if n > 1 else []
        )

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text("utf-8")
        except OSError:
            return []
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                one = json.loads(line)
                _ = one["plan"], one["decided"], one["about"], one["gates"]
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"{self.path}: line {number}: expected a decision as JSON; restore it: git checkout {self.path}"
                ) from None
            found.append(one)
        return found


def open_ledger(path: Path) -> Ledger:
    """The ledger beside this baseline, such as ``evals/baselines/embedded/bundled.json``."""
    gates = path.parents[2] / "gates.toml"
    tables = read_toml(gates, expected="limits") if gates.is_file() else {}
    own = tables.get(path.parent.name, {}).get(path.stem.partition("+")[0], {})
    return Ledger(path.with_suffix(".decisions.jsonl"), short_hash([json.dumps(own, sort_keys=True, default=str)]))


def short_hash(texts: Iterable[str]) -> str:
    """First 12 hex digits of a SHA-256 over the texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
