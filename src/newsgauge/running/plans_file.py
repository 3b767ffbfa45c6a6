"""The plans that the committed cassettes are for: PLANS.toml in, one replaying `RunConfig` per plan out.

Also what a recording adds to the file, the commands that replay its plans, and the dates of their answers. A plan in
the file is known to ``newsgauge cassettes check``, and CI replays and gates it.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.files import locked, read_toml, replace_file
from .._util.pytest_ini import Folders
from ..cassettes.asked_again import asked_at
from ..cassettes.line import case_of
from ..cassettes.store import CassetteFile
from ..corpora.corpus import BUNDLED
from ..corpora.preprocessing import PREPROCESSING
from ..corpora.twenty_newsgroups import TWENTY, has_twenty_newsgroups
from ..errors import UsageError
from ..records import BACKENDS
from ..variants.variants_file import load_variants
from .run_config import RunConfig
from .run_options import USUAL_CORPUS, default_options, plan_defaults, recordings_of, setup_of

if TYPE_CHECKING:
    from .run_config import RunConfig

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
class CommittedPlan:
    """One table of PLANS.toml. ``setup`` is None if what it asks for cannot be told, and ``why`` says why."""

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
            f"{shown}: expected one [[plan]] per plan, one [[eval]] per eval that records in a folder of its own, and "
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


_HEAD = """\
# What is recorded here, and for which runs. A line that none of these plans asks for is an orphan: 'newsgauge cassettes
# check' names it, 'newsgauge cassettes prune' drops it. Names and defaults are those of the options of a run.
"""


def add_plan(folders: Folders, setup: RunConfig) -> str:
    """Append the plan of a recording unless the plans that are there ask for all of it; a line that says so, or ''.

    Raises `UsageError` if PLANS.toml cannot be read, OSError if it cannot be written.
    """
    with locked(folders.root / ".newsgauge" / "plans.lock"):
        return _add_plan(folders, setup)


def _add_plan(folders: Folders, setup: RunConfig) -> str:
    path = folders.root / folders.cassettes / "PLANS.toml"
    before = path.read_text("utf-8") if path.exists() else _HEAD
    wanted, unknown = wanted_keys(load_plans(folders)) if path.exists() else ({}, {})
    folder = f"{setup.cassettes.parent.name}/{setup.cassettes.name}"
    recorded = [
        name
        for name, variant in setup.variants.items()
        if variant.has_cassette and (setup.cassettes / f"{name}.jsonl").is_file()
    ]
    new = [
        name
        for name in recorded
        if {post.id for post in setup.plan.asked(name)} - wanted.get(f"{folder}/{name}.jsonl", set())
    ]
    if not new or folder in unknown:
        return ""
    table = dict(setup.plan_table)
    if "variants" in table or len(new) < sum(variant.has_cassette for variant in setup.variants.values()):
        table["variants"] = ",".join(new)
    about = folders.command + plan_options(table, folders.ini)
    lines = [f"{name} = {json.dumps(value)}" for name, value in {"about": about, **table}.items()]
    replace_file(path, before.rstrip("\n") + "\n\n[[plan]]\n" + "\n".join(lines) + "\n")
    return f"{folders.cassettes}/PLANS.toml: added the plan of {folder}: {', '.join(new)}"


def plan_options(table: Mapping[str, object], ini: Callable[[str], str]) -> str:
    """The options of pytest that ask for a plan of PLANS.toml, in a project with these ini values."""
    usual = {name: ini(f"newsgauge_{name}") or None for name in USUAL_CORPUS}
    values = {**plan_defaults(), **table}
    corpus = str(values["corpus"])
    if corpus == (usual["corpus"] and os.path.normpath(str(usual["corpus"]))):
        is_said = {name: str(usual[name] or plan_defaults()[name]) for name in USUAL_CORPUS}
    else:
        is_said = {name: str(value) for name, value in plan_defaults().items() if name in USUAL_CORPUS}
    is_said["backend"] = ini("newsgauge_backend") or "embedded"
    words = []
    for name, value in values.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "about" or value is None or str(value) == is_said.get(name, str(plan_defaults().get(name))):
            continue
        words += [flag] if value is True else [flag, shlex.quote(str(value))]
    return "".join(f" {word}" for word in words)


def oldest_recordings(folder: Path, cases: Mapping[str, Collection[str]]) -> dict[str, str]:
    """By variant when the oldest answer to one of its ``cases`` was recorded; none if nothing is recorded.

    An answer that was the same when all were asked anew is as old as that. Raises `DamagedCassetteError`.
    """
    oldest = {}
    for variant, keys in cases.items():
        path = folder / f"{variant}.jsonl"
        lines = CassetteFile(path).lines() if path.exists() else ()
        times = [line.provenance.get("recorded", "") for line in lines if case_of(line.key) in keys]
        if times:
            oldest[variant] = max(min(times), asked_at(folder, variant, keys))
    return oldest
