"""``newsgauge merge``: results folders of the shards of a run in, the results and gates of the whole out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from ..._util.pytest_ini import Folders
from ...errors import UsageError
from ...planning.plan_file import ABSENT, COMMIT, NAME, VERSION, RunPlan, asked_digest, differences, read_again
from ...results.merging import merge_folders
from ...running.run_options import baseline_name
from ...variants.variants_file import Variant, load_variants
from ..backend_options import add_evals_option
from .deciding import Decided, clear_folder, clear_refused, decide_all

#: Where the verdict goes.
RESULTS = ".newsgauge/results"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge merge``."""
    parser.description = (
        "Join the results of 'pytest evals --shard K/N' of all K, and decide the gates on the whole, as "
        "one run would. Status 0: every gate passed; 1: one did not, or a case has no answer; 2: the folders do not "
        "belong together."
    )
    parser.add_argument("folders", metavar="DIR", nargs="+", help="folder of results of a shard, in any order")
    parser.add_argument("--results", metavar="DIR", default=RESULTS, help="where results go (default: %(default)s)")
    add_evals_option(parser, "folder of variants.toml, gates.toml and baselines")


def handle(options: argparse.Namespace) -> int:
    """Join, decide, write, print; 0 if every gate passed, else 1. Raises `UsageError`."""
    results = Path(options.results)
    given = [path.parent if path.is_file() else path for path in map(Path, options.folders)]
    if results.resolve() in [path.resolve() for path in given]:
        clear_refused(results)
        raise UsageError(f"--results: {results} is one of the folders to merge; name another")
    clear_folder(results)
    evals = Path(Folders(Path(), options.evals).evals)
    merged = merge_folders(_with_a_plan(given))
    known = load_variants(evals / "variants.toml")
    _check_asked(merged.run, known, evals)
    notes = []
    if merged.left_out:
        files = ", ".join(sorted({name.partition("::")[0] for name in merged.left_out}))
        notes.append(f"not part of a merge: {len(merged.left_out)} tests of the whole plan, in {files}")
    return decide_all(
        Decided(
            merged.run,
            merged.results,
            known,
            evals,
            results,
            posts=merged.posts,
            asked=merged.asked,
            missing=[*merged.red, *_changed_since(merged.run)],
            intro=merged.folders,
            notes=notes,
            required=True,
        )
    )


def _with_a_plan(paths: list[Path]) -> list[Path]:
    """The folders of runs. Other artifacts beside them are skipped and named."""
    paths = list(dict.fromkeys(paths))
    folders = [path for path in paths if not path.is_dir() or (path / NAME).is_file()]
    if not folders:
        return paths
    for path in paths:
        if path not in folders:
            print(f"newsgauge: skipped: {path}: no {NAME} in it, so no results of a run")
    return folders


def _changed_since(run: RunPlan) -> list[str]:
    """Why the results are not about this checkout: its texts, code or recordings differ.

    Gates and baseline are meant to be this checkout's, and must be there; other files that it lacks are not needed.
    """
    now = read_again(Path.cwd(), run.inputs)
    decide = ("variants.toml", "gates.toml", baseline_name(run.backend, run.plan))
    but = [name for name, digest in now.items() if (digest == ABSENT) is not name.endswith(decide)]
    changed = differences(now, run.inputs, but=(COMMIT, VERSION, *but))
    return [f"changed since the results were made: {', '.join(changed)}"] if changed else []


def _check_asked(run: RunPlan, known: Mapping[str, Variant], evals: Path) -> None:
    """Raise `UsageError` if variants.toml no longer asks as the results were asked."""
    changed = [name for name, asked in run.asked.items() if name not in known or asked_digest(known[name]) != asked]
    if changed:
        raise UsageError(
            f"{evals / 'variants.toml'}: {', '.join(changed)} is not what the results are about; merge them in the "
            "checkout that made them, or run the shards again"
        )
