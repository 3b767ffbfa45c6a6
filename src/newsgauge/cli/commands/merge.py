"""``newsgauge merge``: results folders of the shards of a run in, the results and gates of the whole out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from ...gates.gate import Ages
    from ...gates.run_verdict import Guard
    from ...planning.plan_file import RunPlan
    from ...results.merging import Merged

_WIDTH = 80


def add_merge_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``merge`` to the commands; the handler is in the namespace as ``handler``."""
    merge = subparsers.add_parser(
        "merge",
        help="join the results of shards and decide the gates on the whole",
        description="Join the results of 'pytest evals --shard K/N' of all K, and decide the gates on the whole, as "
        "one run would. Status 0: every gate passed; 1: one did not, or a case has no answer; 2: the folders do not "
        "belong together.",
    )
    merge.add_argument("folders", metavar="DIR", nargs="+", help="folder of results of a shard, in any order")
    merge.add_argument(
        "--results", metavar="DIR", default=".newsgauge/results", help="where results go (default: %(default)s)"
    )
    merge.add_argument(
        "--evals",
        metavar="DIR",
        default="evals",
        help="folder of variants.toml, gates.toml and baselines (default: %(default)s)",
    )
    merge.set_defaults(handler=run_merge)


def run_merge(options: argparse.Namespace) -> int:
    """Join, decide, write, print; 0 where every gate passed, else 1. Raises `UsageError`."""
    from ...report.publishing import Facts, append_step_summary, clear, github_annotations, publish
    from ...report.summary_sections import concluding_sections
    from ...results.merging import merge_folders

    results, evals = Path(options.results), Path(options.evals)
    folders = _with_a_plan(options.folders)
    if results.resolve() in [folder.resolve() for folder in folders]:
        raise UsageError(f"--results: {results} is one of the folders to merge; name another")
    try:
        (results / "gates.json").unlink(missing_ok=True)  # whatever happens, no older verdict is left to be read
        clear(results)
    except OSError as error:
        raise UsageError(f"--results: cannot remove older results from {results}: {error.strerror}") from None
    merged = merge_folders(folders)
    guard = _guard(merged, evals, results)
    guard.start()
    _decide(merged, guard, evals)
    end = guard.conclude(
        merged.results, stand_ins=merged.run.stand_ins, failed=merged.run.failed, n_failed=0, missing=merged.red
    )
    published = publish(
        results,
        Facts(now=datetime.now(UTC), n_whole_set=merged.run.n_whole_set, posts=dict(merged.posts), asked=merged.asked),
    )
    if not_added := append_step_summary(published):
        print(f"newsgauge: {not_added}", file=sys.stderr)
    print("\n".join(f"newsgauge: {line}" for line in merged.folders))
    for heading, lines in concluding_sections(end, guard):
        print("\n".join([f" {heading} ".center(_WIDTH, "="), *lines]))
    if merged.left_out:
        files = ", ".join(sorted({name.partition("::")[0] for name in merged.left_out}))
        print(f"newsgauge: not part of a merge: {len(merged.left_out)} tests of the whole plan, in {files}")
    for reason in end.session.reasons:
        print(f"newsgauge: red: {reason}")
    print(f"newsgauge: report {results / 'report.html'}")
    for line in github_annotations(published):
        print(line)
    print(f"newsgauge: {end.session.headline}")
    return 0 if end.session.is_green and end.session.complete else 1


def _with_a_plan(names: list[str]) -> list[Path]:
    """The folders of runs: other artifacts beside them are skipped, by name; the folder of a file stands for it."""
    from ...planning.plan_file import NAME

    paths = dict.fromkeys(path.parent if path.is_file() else path for path in map(Path, names))
    folders = [path for path in paths if not path.is_dir() or (path / NAME).is_file()]
    if not folders:
        return list(paths)
    for path in paths:
        if path not in folders:
            print(f"newsgauge: skipped: {path}: no {NAME} in it, so no results of a run")
    return folders


def _guard(merged: Merged, evals: Path, results: Path) -> Guard:
    """The gates and the baseline as this machine has them, for the whole plan."""
    from ...gates import left_out_gates, load_gates, plan_gates
    from ...gates.baseline_file import check_baseline, load_baseline
    from ...gates.run_verdict import BaselinePlace, Guard
    from ...planning.inputs import digest_file
    from ...planning.plan_file import asked_digest
    from ...running.run_options import baseline_name
    from ...variants.variants_file import load_variants

    run = merged.run
    known = load_variants(evals / "variants.toml")
    changed = [name for name, asked in run.asked.items() if name not in known or asked_digest(known[name]) != asked]
    if changed:
        raise UsageError(
            f"{evals / 'variants.toml'}: {', '.join(changed)} is not what the results are about; merge them in the "
            "checkout that made them, or run the shards again"
        )
    gates = load_gates(evals / "gates.toml", backend=run.backend, corpus=run.plan.corpus, known=known)
    path = evals / baseline_name(run.backend, run.plan)
    baseline = load_baseline(path, shown=str(path))
    if baseline is not None:
        check_baseline(baseline, run.plan, backend=run.backend, shown=str(path))
    held = baseline if run.replays else None
    left_out = left_out_gates(gates, variants=run.variants, known=known, plan=run.plan, baseline=held)
    planned = plan_gates(
        gates, variants=run.variants, plan=run.plan, baseline=baseline, live=not run.replays, updating=False
    )
    place = BaselinePlace(path, str(path), baseline, updating=False)
    # What decides here are the gates and the baseline of this checkout, whatever those of the shards were.
    own = ("gates.toml", baseline_name(run.backend, run.plan))
    digests = {name: digest_file(evals / one) for name in run.inputs for one in own if name.endswith(f"/{one}")}
    run = replace(run, inputs={**run.inputs, **digests})
    return Guard(run, planned, results=results, required=True, baseline=place, left_out=left_out, why_not_run="")


def _ages(run: RunPlan, evals: Path) -> Ages:
    """How old the recordings of this checkout are, which lie beside the evals."""
    from ...gates.age_gate import day_of
    from ...gates.gate import Ages
    from ...running.recorded_days import oldest_recordings
    from ...scoring.spending import today

    folder = evals.resolve().parent / "cassettes" / run.backend / run.plan.corpus
    oldest = oldest_recordings(folder, run.variants, {post.id for post in run.plan.posts})
    renew = f"pytest evals --backend {run.backend} --variants {{variant}} --record-mode all, with the plan's options"
    return Ages(today(), {variant: day_of(recorded) for variant, recorded in oldest.items()}, renew)


def _decide(merged: Merged, guard: Guard, evals: Path) -> None:
    """Decide every gate from the joined results."""
    from ...gates import AgeGate, ComparisonGate, Evidence, decide
    from ...scoring.scoreboard import score

    run = merged.run
    evidence = Evidence(
        plan=run.plan,
        scores=score(merged.results, run.plan, run.variants),
        results=merged.results,
        live=not run.replays,
        family=tuple(gate for gate in guard.gates if isinstance(gate, ComparisonGate)),
        baseline=guard.baseline.held,
        ages=_ages(run, evals) if any(isinstance(gate, AgeGate) for gate in guard.gates) else None,
    )
    for gate in guard.gates:
        guard.add(decide(gate, evidence))
