"""What a recording adds to PLANS.toml, and the commands that replay what is there.

A plan that is written down is one that ``newsgauge cassettes check`` knows and that CI replays and gates.

When answers were recorded: a folder of cassettes and the posts of a plan in, the oldest day of each variant out.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .._util.files import replace_file
from ..cassettes.store import CassetteFile
from .plans_file import Folders, load_plans, wanted_keys
from .run_options import USUAL_CORPUS, plan_defaults

if TYPE_CHECKING:
    from .run_config import RunConfig

_HEAD = """\
# What is recorded here, and for which runs. A line that none of these plans asks for is an orphan: 'newsgauge cassettes
# check' names it, 'newsgauge cassettes prune' drops it. Names and defaults are those of the options of a run.
"""


def add_plan(folders: Folders, setup: RunConfig) -> str:
    """Append the plan of a recording unless the plans that are there ask for all of it; a line that says so, or ''.

    Raises `UsageError` if PLANS.toml cannot be read, OSError if it cannot be written.
    """
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
    about = "pytest evals" + plan_options(table, folders.ini)
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


def oldest_recordings(folder: Path, variants: Iterable[str], posts: Collection[str]) -> dict[str, str]:
    """``recorded`` of the oldest line about one of the posts, by variant; none where nothing is recorded.

    Raises `DamagedCassetteError`.
    """
    oldest, wanted = {}, set(map(_post, posts))
    for variant in variants:
        path = folder / f"{variant}.jsonl"
        lines = CassetteFile(path).lines() if path.exists() else ()
        times = [line.provenance.get("recorded", "") for line in lines if _post(line.key) in wanted]
        if times:
            oldest[variant] = min(times)
    return oldest


def _post(key: str) -> str:
    """The post of a key, without the number of its repeat or of its call."""
    return key.partition("~")[0]
