"""``newsgauge power --gates``: how often a live run passes all gates of a project. Options in; text or JSON out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from ..._util.option_values import read_share
from ...errors import UsageError
from ...gates.baseline_file import load_baseline
from ...gates.findings import FLIP_RATE, LEAD_FLIP_RATE
from ...gates.gate import Gate
from ...gates.gates_file import load_gates, plan_gates
from ...gates.operating import Odds, Operating
from ...records import Key
from ...running.run_config import RunConfig
from ...running.run_options import add_plan_options, baseline_name
from ...scoring.slices import with_slices
from ..backend_options import add_folder_options, load_project
from .asked_cases import replayed

_N_RUNS = 1000


def add_gates_options(parser: argparse.ArgumentParser) -> None:
    """The options for planning the gates of a project: those of a plan, and the assumptions."""
    group = parser.add_argument_group("with --gates")
    group.add_argument(
        "--gates",
        dest="all_gates",
        action="store_true",
        help="how often a live run passes the gates of gates.toml if nothing changed, and if accuracy fell",
    )
    group.add_argument(
        "--flip-rate",
        metavar="Q",
        help=f"share of texts that flip (default: as in the repeats of the baseline, else {FLIP_RATE:g}); with "
        f"--until-decided beyond a difference (default: {FLIP_RATE:g} of a drop, {LEAD_FLIP_RATE:g} of a lead)",
    )
    group.add_argument("--drop", metavar="D", default="0.05", help="accuracy that is lost (default: %(default)s)")
    add_folder_options(group)
    add_plan_options(group.add_argument)


def describe_gates(options: argparse.Namespace) -> str:
    """The chances as text or JSON. `UsageError` names the option, what it expects and what came."""
    given = None if options.flip_rate is None else read_share("--flip-rate", options.flip_rate, or_low=True)
    drop = read_share("--drop", options.drop, or_low=True)
    operating = _operating(options)
    flip_rate, origin = (operating.flip_rate.rate, operating.flip_rate.origin) if given is None else (given, "as given")
    unchanged = operating.of_plan(flip_rate=flip_rate, n_runs=_N_RUNS)
    dropped = operating.of_plan(flip_rate=flip_rate, drop=drop, n_runs=_N_RUNS)
    needed = operating.posts_needed(flip_rate=flip_rate)
    if options.json:
        value = {
            "unchanged": _json(unchanged),
            "dropped": {**_json(dropped), "drop": drop},
            "posts_needed": needed,
            "left_out": operating.left_out,
            "flip_rate_is": origin,
        }
        return json.dumps(value, indent=1)
    return "\n".join(_lines(unchanged, dropped, needed, operating.left_out, origin))


def _operating(options: argparse.Namespace) -> Operating:
    options.record_mode, options.api_version = "none", None  # nobody is asked
    folders, variants, setup = load_project(options)
    evals = folders.root / folders.evals
    setup = with_slices(setup, evals / "gates.toml")
    gates = load_gates(evals / "gates.toml", backend=setup.backend, corpus=setup.plan.corpus, known=variants)
    shown = f"{folders.evals}/{baseline_name(setup.backend, setup.plan)}"
    baseline = load_baseline(folders.root / shown, shown=shown)
    planned, _ = plan_gates(
        gates, variants=setup.variants, plan=setup.plan, baseline=baseline, live=True, updating=False
    )
    if baseline is None:
        raise UsageError(
            f"--gates: expected {shown}, which says what the variants answer; write it with pytest {folders.evals} "
            "--update-baseline and the same options"
        )
    found = Operating(planned, setup.plan, baseline, _confidences(planned, setup))
    if not found.gates:
        raise UsageError(
            f"--gates: {folders.evals}/gates.toml sets no gate for [{setup.backend}.{setup.plan.corpus}] and these "
            f"variants that {shown} can tell about"
        )
    return found


def _confidences(gates: Iterable[Gate], setup: RunConfig) -> dict[Key, float]:
    """The confidences of the recorded answers, for gates that use them; empty if a planned case is not recorded."""
    asked = {gate.variant: setup.variants[gate.variant] for gate in gates if gate.NEEDS == "confidences"}
    try:
        results = replayed(replace(setup, variants=asked)) if asked else {}
    except UsageError:
        return {}
    said = {key: result.prediction.confidence for key, result in results.items() if result.prediction is not None}
    return {key: confidence for key, confidence in said.items() if confidence is not None}


def _json(odds: Odds) -> dict[str, Any]:
    gates = [
        {"gate": one.gate, "pass": one.passed, "inconclusive": one.inconclusive, "fail": one.failed}
        for one in odds.gates
    ]
    value = {**asdict(odds), "gates": gates, "standard_error": odds.standard_error}
    del value["drop"]
    return value


def _lines(unchanged: Odds, dropped: Odds, needed: int | None, left_out: list[str], origin: str) -> list[str]:
    width = max(len(name) for name in ("all of them", *(one.gate for one in unchanged.gates)))
    lines = [
        f"A live run of {unchanged.n_posts} texts, {unchanged.n_runs:,} simulated runs (standard error at most "
        f"{100 * max(unchanged.standard_error, dropped.standard_error):.1f} points):",
        f"answers flip on {unchanged.flip_rate:.1%} of the texts ({origin}), as many each way, and a drop loses more.",
        "",
        f"{'':{width}}  ------- nothing changed -------  accuracy fell by {100 * dropped.drop:g} points",
        f"{'gate':{width}}    PASS  INCONCLUSIVE    FAIL    not PASS",
    ]
    for one, other in zip(unchanged.gates, dropped.gates, strict=True):
        lines.append(
            f"{one.gate:{width}}  {one.passed:6.1%}  {one.inconclusive:12.1%}  {one.failed:6.1%}  "
            f"{1 - other.passed:10.1%}"
        )
    lines += [
        f"{'all of them':{width}}  {unchanged.all_pass:6.1%}  {unchanged.all_inconclusive:12.1%}  "
        f"{unchanged.all_fail:6.1%}  {1 - dropped.all_pass:10.1%}",
        "",
        "On freshly drawn texts, an unchanged model passes all of them with 90% "
        + ("on no number of texts." if needed is None else f"from {needed:,} texts on that both sides were asked."),
    ]
    if left_out:
        lines.append(f"Not counted: {', '.join(left_out)}.")
    return lines
