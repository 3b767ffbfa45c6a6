"""Decides gates on existing results, outside of pytest: results in; a folder, lines and a status out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..._util.files import why_unwritable
from ..._util.pytest_ini import command_of
from ...errors import UsageError
from ...gates.age_gate import AgeGate, day_of
from ...gates.baseline_file import check_baseline, load_baseline
from ...gates.gate import Ages
from ...gates.gates_file import load_gates, plan_gates
from ...gates.run_verdict import BaselinePlace, Guard
from ...planning.plan_file import RunPlan, digest_file
from ...records import Key, Result
from ...report.findings import trade_off_lines
from ...report.publishing import append_step_summary, clear, github_annotations, publish
from ...report.summary_sections import as_group, concluding_sections
from ...running.plans_file import oldest_recordings
from ...running.run_options import baseline_name
from ...scoring.prices import today
from ...variants.variants_file import Variant

_WIDTH = 80


@dataclass(frozen=True)
class Decided:
    """What to decide on, and where. ``missing``: known reasons for red; ``intro``: lines at the start;
    ``notes``: lines after the gates."""

    run: RunPlan
    results: Mapping[Key, Result]
    known: Mapping[str, Variant]
    evals: Path
    folder: Path
    posts: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    missing: Sequence[str] = ()
    intro: Sequence[str] = ()
    notes: Sequence[str] = ()
    updating: bool = False
    required: bool = False


def clear_folder(folder: Path, *, inputs: Sequence[Path] = ()) -> None:
    """Remove older verdicts, but no inputs, so that none can be read whatever happens next. Raises `UsageError`."""
    try:
        (folder / "gates.json").unlink(missing_ok=True)
        clear(folder, but=inputs)
    except OSError as error:
        why = why_unwritable(error, "--results")
        raise UsageError(f"--results: cannot remove older results from {folder}: {why}") from None


def clear_refused(folder: Path) -> None:
    """Remove older verdicts if the command line was refused. A shard's stays: it decides nothing, and may be joined."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if json.loads((folder / "gates.json").read_text("utf-8"))["run"]["shard"]:
            return
    clear_folder(folder)


def decide_all(what: Decided) -> int:
    """Decide, write, print; 0 if nothing is red and, if there are gates, all of them were decided; else 1."""
    run = what.run
    guard = _guard(what)
    guard.start()
    ages = _ages(run, what.evals) if any(isinstance(gate, AgeGate) for gate in guard.gates) else None
    for verdict in guard.decide(what.results, ages=ages):
        guard.add(verdict)
    end = guard.conclude(what.results, stand_ins=run.stand_ins, failed=run.failed, n_failed=0, missing=what.missing)
    published = None
    try:
        published = publish(
            what.folder,
            now=datetime.now(UTC),
            n_whole_set=run.n_whole_set,
            posts=what.posts,
            asked=what.asked,
        )
    except (UsageError, OSError) as error:  # as of a run: the report decides nothing
        print(f"newsgauge: no report: {error}", file=sys.stderr)
    if published and (not_added := append_step_summary(published)):
        print(f"newsgauge: {not_added}", file=sys.stderr)
    print("\n".join(f"newsgauge: {line}" for line in what.intro))
    for heading, lines in concluding_sections(end, guard):
        print("\n".join(as_group(heading, lines) or [f" {heading} ".center(_WIDTH, "="), *lines]))
    for note in what.notes:
        print(f"newsgauge: {note}")
    for reason in end.session.reasons:
        print(f"newsgauge: red: {reason}")
    if published:
        print("\n".join([*trade_off_lines(published), f"newsgauge: report {what.folder / 'report.html'}"]))
        for line in github_annotations(published, what.evals / "gates.toml"):
            print(line)
    print(f"newsgauge: {end.session.headline}")
    return 0 if end.session.is_green and (end.session.complete or not guard.gates) else 1


def _guard(what: Decided) -> Guard:
    """The gates and the baseline of this checkout, for the whole plan."""
    run, evals, known = what.run, what.evals, what.known
    file = evals / "gates.toml"
    gates = load_gates(file, backend=run.backend, corpus=run.plan.corpus, known=known) if file.exists() else ()
    path = evals / baseline_name(run.backend, run.plan)
    baseline = load_baseline(path, shown=str(path))
    if baseline is not None and not what.updating:
        check_baseline(baseline, run.plan, backend=run.backend, shown=str(path))
    planned, left_out = plan_gates(
        gates,
        variants=run.variants,
        plan=run.plan,
        baseline=baseline,
        live=not run.replays,
        updating=what.updating,
        known=known,
    )
    place = BaselinePlace(path, str(path), baseline, what.updating, tuple(known))
    # The gates and the baseline of this checkout decide, whatever those of the results were.
    own = ("gates.toml", baseline_name(run.backend, run.plan))
    digests = {name: digest_file(evals / one) for name in run.inputs for one in own if name.endswith(f"/{one}")}
    run = replace(run, inputs={**run.inputs, **digests})
    return Guard(
        run,
        planned,
        results=what.folder,
        required=what.required or bool(gates),
        baseline=place,
        left_out=left_out,
        why_not_run="",
    )


def _ages(run: RunPlan, evals: Path) -> Ages:
    """How old the recordings of this checkout are, which lie beside the evals."""
    folder = evals.resolve().parent / "cassettes" / run.backend / run.plan.corpus
    oldest = oldest_recordings(folder, run.plan.asked_keys(run.variants))
    command = f"{command_of(str(evals))} --backend {run.backend} --variants {{variant}} --record-mode all"
    days = {variant: day_of(recorded) for variant, recorded in oldest.items()}
    return Ages(today(), days, f"{command}, with the plan's options")
