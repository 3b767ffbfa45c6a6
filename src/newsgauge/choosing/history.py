"""The history of baselines in git: a checkout in, one `Entry` per commit and changed variant out, oldest first.

A baseline is identified by the backend and corpus that it names, not by its file name. Commits are in the order of
the graph, not of their dates, and each is compared with its own parent. So a merge that only takes one side is no
change, and a rebased branch counts in the order in which it was applied.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import BaselineError, UsageError
from ..gates.baseline_file import Baseline, BaselineVariant, decode
from ..gates.findings import METRICS
from ..planning.training_set import PLAIN_BASE_MODEL
from ..scoring.prices import PriceList, todays_prices
from ..scoring.stats import wilson_interval

#: Metrics of gates.toml that can be checked with a baseline's scores, and how to read them there.
_HELD: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "min_accuracy": lambda s: s["accuracy"],
    "max_accuracy": lambda s: s["accuracy"],
    "min_macro_f1": lambda s: s["macro_f1"],
    "max_error_rate": lambda s: s["n_errors"] / s["n"],
    "max_off_list_rate": lambda s: s["n_off_list"] / s["n"],
    "max_input_tokens_mean": lambda s: s["input_tokens"] / s["n"],
    "max_output_tokens_mean": lambda s: s["output_tokens"] / s["n"],
}
_BASELINE = re.compile(r"(?:(.+)/)?baselines/([^/]+)/[^/]+\.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """A variant as a commit left it. ``gates``: limit -> whether it holds, for limits that its scores can decide.

    ``cost``: of its answers in US dollars at today's prices; of free answers, or of several versions, what its model
    in variants.toml would cost; None if no price is known.
    ``renamed_from``: its name before, if this commit renamed it; ``removed``: this commit took it out; ``broken`` and
    ``mended``: limits that were held before and are not, and the other way round.
    """

    commit: str
    date: str
    subject: str
    backend: str
    corpus: str
    variant: str
    n: int
    n_correct: int
    low: float
    high: float
    input_tokens: int
    output_tokens: int
    model_versions: tuple[str, ...]
    cost: float | None
    prompt_changed: bool
    gates: dict[str, bool]
    renamed_from: str = ""
    removed: bool = False
    broken: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.n_correct / self.n if self.n else float("nan")


Series = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _State:
    baseline: Baseline
    blob: str
    limits: Mapping[str, Any]
    models: Mapping[str, str] = field(compare=False)


class Checkout:
    """A repository, read through git. Raises `UsageError` if there is none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.notes: dict[str, None] = {}
        self._states = cache(lambda commit: dict(self._state(commit)))
        self._read: dict[str, Baseline | None] = {}
        self._prices = todays_prices()
        if self._run("rev-parse", "--is-inside-work-tree").stdout.strip() != "true":
            raise UsageError(
                f"{root}: expected a git repository, to read its history; go to one, or name it: --root DIR"
            )
        if self._run("rev-parse", "--verify", "--quiet", "HEAD").returncode:
            raise UsageError(f"{root}: the git repository has no commit yet")
        self._others = self._other_projects()

    def entries(self) -> list[Entry]:
        """Every change of a variant, from the first commit to HEAD."""
        log = self._git(
            "log", "--topo-order", "--reverse", "--full-history", "--format=%H%x09%P%x09%aI%x09%s", "HEAD", "--",
            ":(top,glob)**/baselines/*/*.json", ":(top,glob)**/gates.toml",
        )  # fmt: skip
        found: list[Entry] = []
        seen = set()
        for line in log.splitlines():
            commit, parents, date, subject = line.split("\t", 3)
            before = [self._states(parent) for parent in parents.split()] or [{}]
            for series in {**before[0], **self._states(commit)}:
                old, now = before[0].get(series), self._states(commit).get(series)
                if any(one.get(series) == now for one in before):
                    continue  # as one of the parents has it
                if now is None:
                    assert old is not None
                    now = replace(old, baseline=replace(old.baseline, variants={}), blob="")
                change = (date, subject, now.blob, old and old.blob)
                if change in seen and now.blob != (old and old.blob):
                    continue  # the same commit, rebased, where both copies were merged
                seen.add(change)
                changed = _changes(self._prices, (commit[:10], date, subject), old, now)
                others = [one[series] for one in before[1:] if series in one]
                found += [one for one in changed if not any(_is_taken_over(one, side, now) for side in others)]
        return found

    def show(self, revision: str, path: str) -> str:
        """A file of a revision. Raises `UsageError` for an unknown revision, or a file that it does not have."""
        if self._run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
            raise UsageError(
                f"--from {revision}: expected a revision that git knows, such as HEAD~1, a tag or a branch"
            )
        done = self._run("show", f"{revision}:./{path}")
        if done.returncode:
            raise UsageError(f"--from {revision}: it has no {path}")
        return done.stdout

    def _other_projects(self) -> set[str]:
        """Baselines at HEAD that lie outside of this project's folder, or deeper in it than another of their name."""
        here = self._git("rev-parse", "--show-prefix").strip()
        paths = self._git("ls-tree", "-r", "--full-tree", "--name-only", "-z", "HEAD").split("\0")
        found = sorted(filter(_BASELINE.fullmatch, paths), key=lambda path: path.count("/"))
        inside = [path for path in found if path.startswith(here)] or found
        own = {tuple(path.split("/")[-2:]): path for path in reversed(inside)}
        return {*found} - {*own.values()}

    def _state(self, commit: str) -> Iterator[tuple[Series, _State]]:
        files = {}
        for line in self._git("ls-tree", "-r", "--full-tree", "-z", commit).split("\0"):
            about, _, path = line.partition("\t")
            if path.endswith(".json") or path.rpartition("/")[2] in ("gates.toml", "variants.toml"):
                files[path] = about.split()[2]
        for path, blob in files.items():
            match = _BASELINE.fullmatch(path)
            if not match or path in self._others or (baseline := self._baseline(blob, f"{commit[:10]}:{path}")) is None:
                continue
            evals = f"{match[1]}/" if match[1] else ""
            limits = self._tables(files.get(f"{evals}gates.toml")).get(baseline.backend, {}).get(baseline.corpus, {})
            variants = self._tables(files.get(f"{evals}variants.toml"))
            models = {
                name: PLAIN_BASE_MODEL if "tuning" in one else one.get("model", "") for name, one in variants.items()
            }
            yield (baseline.backend, baseline.corpus), _State(baseline, blob, limits, models)

    def _tables(self, blob: str | None) -> dict[str, Any]:
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(self._git("cat-file", "blob", blob).removeprefix("\ufeff")) if blob else {}
        return {}

    def _baseline(self, blob: str, shown: str) -> Baseline | None:
        if blob not in self._read:
            text, self._read[blob] = self._git("cat-file", "blob", blob), None
            if '"drawn_by"' in text:  # other files lie there too
                try:
                    self._read[blob] = decode(text, shown=shown)
                except BaselineError as error:
                    self.notes[str(error).partition(";")[0]] = None
        return self._read[blob]

    def _git(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise UsageError(f"git {arguments[0]} in {self._root}: {done.stderr.strip()}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(self._root), *arguments]
        try:
            return subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", check=False, stdin=subprocess.DEVNULL
            )
        except OSError as error:
            raise UsageError(f"git cannot be started: {error.strerror or error}; install it") from None


def _changes(prices: PriceList, where: tuple[str, str, str], old: _State | None, now: _State) -> Iterator[Entry]:
    """An entry for each variant that the commit added, changed, renamed or removed."""

    def entry(name: str, one: BaselineVariant, before: BaselineVariant | None, **more: Any) -> Entry:
        s, versions, changed = one.scores, one.model_versions, before is not None and before.prompt != one.prompt
        tokens = s["input_tokens"], s["output_tokens"]
        cost = prices.cost(versions[0], *tokens) if len(versions) == 1 else None
        if cost is None:
            cost = prices.cost(now.models.get(name.partition("+")[0], ""), *tokens)
        low, high = wilson_interval(s["n_correct"], s["n"])
        values = (*where, now.baseline.backend, now.baseline.corpus, name, s["n"], s["n_correct"], low, high, *tokens)
        return Entry(*values, versions, cost, changed, **more)

    variants = dict(now.baseline.variants)
    before = dict(old.baseline.variants) if old else {}
    gone = {_identity(one): name for name, one in before.items() if name not in variants}
    for name, one in sorted(variants.items()):
        was = name if name in before else gone.pop(_identity(one), "")
        gates, held_before = _gates(one, now, name), _gates(before[was], old, was) if was and old else {}
        broken = tuple(limit for limit, held in gates.items() if not held and held_before.get(limit, True))
        mended = tuple(limit for limit, held in gates.items() if held and not held_before.get(limit, True))
        if was == name and one == before[was] and not broken and not mended:
            continue
        renamed = was if was != name else ""
        yield entry(name, one, before.get(was), gates=gates, renamed_from=renamed, broken=broken, mended=mended)
    for name in sorted(gone.values()):
        yield entry(name, before[name], before[name], gates={}, removed=True)


def _is_taken_over(one: Entry, side: _State, merged: _State) -> bool:
    """Whether the variant came to a merge as this side of it had it."""
    name, theirs = one.variant, dict(side.baseline.variants)
    same = name in theirs and theirs[name] == dict(merged.baseline.variants).get(name)
    return same and _gates(theirs[name], side, name) == one.gates


def _identity(one: BaselineVariant) -> str:
    """What a renamed variant keeps: how it asks, and its answers."""
    return f"{one.prompt} {sorted(one.answers.items())}"


def _gates(one: BaselineVariant, state: _State, name: str) -> dict[str, bool]:
    """The limits of gates.toml that a baseline's scores can decide, by value: limit -> whether it holds."""
    found = {}
    classes = state.baseline.drawn_by.get("classes")
    for metric, limit in dict(state.limits.get(name, {})).items():
        if metric in _HELD and isinstance(limit, dict) and limit.get("classes", classes) == classes:
            with suppress(KeyError, TypeError, ZeroDivisionError):
                value = _HELD[metric](one.scores)
                held = value >= limit["limit"] if METRICS[metric].is_floor else value <= limit["limit"]
                found[metric] = held
    return found
