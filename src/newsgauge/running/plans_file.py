"""The plans that the committed cassettes are for: PLANS.toml in, one `RunConfig` a plan out, each of them replaying."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from .._util.pytest_ini import read_ini
from ..corpora.corpus import BUNDLED
from ..corpora.preprocessing import PREPROCESSING
from ..corpora.twenty_newsgroups import TWENTY, has_twenty_newsgroups
from ..errors import UsageError
from ..records import BACKENDS
from ..variants.variants_file import load_variants
from .run_config import RunConfig
from .run_options import default_options, recordings_of, setup_of

_KEYS: dict[str, type] = {
    "about": str,
    "backend": str,
    "corpus": str,
    "classes": str,
    "posts_per_class": object,  # a number, "all" or "at-most:N"
    "sample": str,
    "sample_seed": int,
    "allow_threads": bool,
    "preprocessing": str,
    "columns": str,
    "encoding": str,
    "delimiter": str,
    "variants": str,
    "repeats": int,
}
#: Commands that record in ``<corpus>+<command>``, posts of their own choice.
_COMMANDS = ("confirm", "bisect")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a project keeps what; names relative to ``root``, as messages show them."""

    root: Path
    evals: str = "evals"
    cassettes: str = "cassettes"
    bundled: str = "fixtures/bundled"

    def ini(self, name: str) -> str:
        """The folder that pytest's ini value of this name stands for; of other values what its configuration says."""
        own = getattr(self, name.removeprefix("newsgauge_"), None)
        return str(own) if own is not None else read_ini(self.root).get(name, "")


@dataclass(frozen=True, slots=True)
class CommittedPlan:
    """One table of PLANS.toml. ``setup`` is None where what it asks for cannot be told, and ``why`` says why."""

    about: str
    folder: str
    setup: RunConfig | None
    why: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)


def load_plans(folders: Folders) -> list[CommittedPlan]:
    """The plans of PLANS.toml. 20 Newsgroups is not downloaded for it. Raises `UsageError`."""
    path = folders.root / folders.cassettes / "PLANS.toml"
    shown = f"{folders.cassettes}/PLANS.toml"
    tables = read_toml(path, expected="the plans that the cassettes are for", shown=shown)
    plans, evals = tables.get("plan"), tables.get("eval", [])
    if not set(tables) <= {"plan", "eval"} or not isinstance(plans, list) or not plans or not isinstance(evals, list):
        raise UsageError(
            f"{shown}: expected one [[plan]] a plan, one [[eval]] an eval that records in a folder of its own, and "
            f"nothing else, got {', '.join(tables) or 'nothing'}"
        )
    return [
        *(_plan(f"{shown}: plan {number}", table, folders) for number, table in enumerate(plans, 1)),
        *(_eval(f"{shown}: eval {number}", table) for number, table in enumerate(evals, 1)),
        *(
            CommittedPlan("", found.relative_to(path.parent).as_posix(), None, why=f"newsgauge {command} recorded it")
            for command in _COMMANDS
            for found in sorted(path.parent.glob(f"*/*+{command}"))
        ),
    ]


def wanted_keys(plans: Iterable[CommittedPlan]) -> tuple[dict[str, set[str]], dict[str, str]]:
    """The ids of posts that plans ask for, by file (``backend/corpus/variant.jsonl``); folders that cannot be told."""
    wanted: dict[str, set[str]] = {}
    unknown = {}
    for plan in plans:
        if plan.setup is None:
            unknown[plan.folder] = plan.why
            continue
        for name, variant in plan.setup.variants.items():
            if not variant.has_cassette:
                continue
            keys = wanted.setdefault(f"{plan.folder}/{name}.jsonl", set())
            keys |= {post.id for post in plan.setup.plan.asked(name)}
    return wanted, unknown


def _eval(where: str, table: Any) -> CommittedPlan:
    if set(table) != {"about", "folder"} or not all(isinstance(value, str) and value for value in table.values()):
        raise UsageError(f"{where}: expected 'about', the eval's file, and 'folder', got {table!r}")
    return CommittedPlan(table["about"], table["folder"], None, why=f"{table['about']} alone knows what it asks")


def _plan(where: str, table: Any, folders: Folders) -> CommittedPlan:
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise UsageError(f"{where}: expected {key!r} to be {_KEYS[key].__name__}, got {type(value).__name__}")
    values = {**table, **({"posts_per_class": str(table["posts_per_class"])} if "posts_per_class" in table else {})}
    about = values.pop("about", "")
    if values.get("corpus") not in (None, BUNDLED, TWENTY):
        values["corpus"] = os.path.relpath(folders.root / values["corpus"])
    option = default_options(**values)
    for name, known in (("backend", BACKENDS), ("preprocessing", PREPROCESSING)):
        if getattr(option, name) not in known:
            raise UsageError(f"{where}: {name} is {getattr(option, name)!r}; known: {', '.join(known)}")
    if option.corpus == TWENTY and not has_twenty_newsgroups():
        folder = f"{option.backend}/{recordings_of(TWENTY, option.preprocessing)}"
        return CommittedPlan(about, folder, None, why="its corpus is not on this machine")
    variants = load_variants(folders.root / folders.evals / "variants.toml")
    try:
        setup = setup_of(option, variants, root=folders.root, ini=folders.ini)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    folder = setup.shown_cassettes.removeprefix(f"{folders.cassettes}/")
    return CommittedPlan(about, folder, setup, table=table)
