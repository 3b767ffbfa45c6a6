"""``newsgauge power --until-decided``: what stopping a recording early would save. Options in; a table or JSON out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..._util.files import read_toml
from ..._util.option_values import read_share
from ...errors import UsageError
from ...gates.findings import METRICS
from ...gates.gates_file import load_gates
from ...gates.limits_gate import LimitsGate
from ...gates.stopping import WatchedRate, looks_of
from ...scoring.stats.sequential import Look, Operating, chosen_looks, floor_boundaries, operating, planned_looks
from ...variants.variants_file import load_variants
from ..backend_options import load_project

_ALPHA = 0.05
#: True rates that are shown, as distances from the limit.
_DISTANCES = (-0.10, -0.06, -0.03, 0.0, 0.03, 0.06, 0.10)
_MOST_POSTS = 20_000


def add_sequential_options(parser: argparse.ArgumentParser) -> None:
    """The options of a recording that stops when its gates are decided."""
    group = parser.add_argument_group("with --until-decided")
    group.add_argument(
        "gates",
        nargs="?",
        metavar="GATES",
        help="a gates.toml, whose limits on rates are planned (not --min-accuracy)",
    )
    group.add_argument(
        "--until-decided", action="store_true", help="plan a recording that stops as soon as each gate is decided"
    )
    group.add_argument("--min-accuracy", metavar="P", help="the floor of the gate, such as 0.80")
    group.add_argument(
        "--posts",
        metavar="N",
        help="texts of the plan: the most that are asked (with GATES default: those of the project)",
    )
    group.add_argument("--labels", metavar="L", help="labels of the plan: looks are at whole rounds over them")
    group.add_argument("--looks", metavar="K", help="how often to look (default: as takes few calls)")
    group.add_argument("--truth", metavar="P,..", help="true rates to show (default: some around the limit)")
    group.add_argument("--cost", metavar="X", help="dollars per call, to show what is saved")
    group.add_argument(
        "--json",
        action="store_true",
        help="print JSON: the boundaries, to check their error rates; with --gates the chances",
    )


def describe_sequential(options: argparse.Namespace) -> str:
    """The plan as text or JSON. `UsageError` names the option, what it expects and what came."""
    n_looks = None if options.looks is None else _whole("--looks", options.looks, _MOST_POSTS)
    truths = None if options.truth is None else [read_share("--truth", one.strip()) for one in options.truth.split(",")]
    cost = None if options.cost is None else read_share("--cost", options.cost, high=1e6, or_low=True)
    limits = _limits(options)
    if options.posts is None and options.gates is not None:
        looks, limits = _looks_of_project(options, n_looks, limits)
    else:
        cap = _whole("--posts", options.posts, _MOST_POSTS)
        step = 1 if options.labels is None else _whole("--labels", options.labels, cap)
        floors = sorted({one.floor for one in limits})
        even = planned_looks(cap, min(cap, n_looks or cap), step=step)
        looks = chosen_looks(cap, floors, step=step, alpha=_ALPHA) if n_looks is None else even
    plans = [(one, floor_boundaries(one.floor, looks, alpha=_ALPHA)) for one in limits]
    if options.json:
        gates = [_as_json(*plan, truths=truths, cost=cost) for plan in plans]
        return json.dumps({"alpha": _ALPHA, "posts": looks[-1], "gates": gates}, indent=2)
    return "\n\n".join("\n".join(_block(*plan, truths=truths, cost=cost)) for plan in plans)


def _chances(limit: WatchedRate, plan: Sequence[Look], truths: Sequence[float] | None) -> list[tuple[float, Operating]]:
    """What happens at each true rate."""
    is_floor = METRICS[limit.metric].is_floor
    shown = truths or [round(limit.limit + d, 10) for d in _DISTANCES if 0 < limit.limit + d < 1]
    return [(truth, operating(plan, truth if is_floor else 1 - truth)) for truth in shown]


def _as_json(
    limit: WatchedRate, plan: Sequence[Look], *, truths: Sequence[float] | None, cost: float | None
) -> dict[str, Any]:
    def calls(n: float) -> dict[str, float]:
        return {"calls": n, **({} if cost is None else {"cost": n * cost})}

    return {
        "gate": limit.variant,
        "metric": limit.metric,
        "limit": limit.limit,
        "counts": "correct" if METRICS[limit.metric].is_floor else "cases without the event",
        "looks": [{"n": one.n, "pass_at": one.pass_at, "fail_at": one.fail_at} for one in plan],
        "expected": [
            {
                "truth": truth,
                "pass": one.passed,
                "fail": one.failed,
                "undecided": one.undecided,
                **calls(one.expected_n),
            }
            for truth, one in _chances(limit, plan, truths)
        ],
        "worst": calls(plan[-1].n),
    }


def _block(
    limit: WatchedRate, plan: Sequence[Look], *, truths: Sequence[float] | None, cost: float | None
) -> Iterator[str]:
    cap = plan[-1].n
    first = next((look.n for look in plan if look.pass_at is not None or look.fail_at is not None), cap)
    name = limit.metric if limit.variant == limit.metric else f"{limit.variant}: {limit.metric}"
    yield (
        f"{name} {limit.limit:g}, at most {cap:,} texts, {len(plan)} looks; the first that can decide is at {first:,}"
    )
    yield f"False PASS and false FAIL: at most {_ALPHA:.0%} each, exact. Texts are taken as independent of one another."
    yield ""
    head = "true rate    PASS    FAIL  undecided  calls, mean  of the plan"
    yield head if cost is None else f"{head}       cost      saved"
    for truth, found in _chances(limit, plan, truths):
        n, ends = found.expected_n, f"{found.passed:6.1%}  {found.failed:6.1%}  {found.undecided:9.1%}"
        row = f"{truth:9.1%}  {ends}  {n:11,.0f}  {n / cap:11.0%}"
        yield row if cost is None else f"{row}  {_money(n * cost):>9}  {_money((cap - n) * cost):>9}"
    yield f"At worst all {cap:,} texts are asked{'' if cost is None else f', for {_money(cap * cost)}'}."


def _looks_of_project(
    options: argparse.Namespace, n_looks: int | None, limits: Sequence[WatchedRate]
) -> tuple[tuple[int, ...], list[WatchedRate]]:
    """The looks of a recording of the project's plan, and the limits that are about it. Raises `UsageError`."""
    options.record_mode, options.api_version = "none", None  # nobody is asked
    _, _, setup = load_project(options)
    about = f"{setup.backend}.{setup.plan.corpus}."
    own = [one for one in limits if one.variant.startswith(about)]
    if not own:
        raise UsageError(
            f"{options.gates}: expected a limit on a rate of [{about[:-1]}], the project's plan; there is none. Say "
            "--posts N to plan all limits of the file, or --backend and --corpus"
        )
    return looks_of(setup.plan, n_looks, own), own


def _limits(options: argparse.Namespace) -> list[WatchedRate]:
    if options.gates is None:
        if options.min_accuracy is None:
            raise UsageError("--until-decided: expected --min-accuracy P or a gates.toml, got neither")
        return [WatchedRate("min_accuracy", read_share("--min-accuracy", options.min_accuracy), "min_accuracy")]
    if options.min_accuracy is not None:
        raise UsageError("--min-accuracy: the limits are those of the gates.toml; leave one of the two out")
    found = list(_of_file(Path(options.gates)))
    if not found:
        raise UsageError(f"{options.gates}: expected a limit on a rate, such as min_accuracy; there is none to plan")
    return found


def _of_file(path: Path) -> Iterator[WatchedRate]:
    tree = read_toml(path, expected="the limits to hold", error=UsageError)
    tables: dict[str, dict[str, Any]] = {name: value for name, value in tree.items() if isinstance(value, dict)}
    known = [name for corpora in tables.values() for one in corpora.values() if isinstance(one, dict) for name in one]
    beside = path.with_name("variants.toml")  # knows under which disturbances a variant is asked
    known += load_variants(beside) if beside.is_file() else ()
    for backend, corpora in tables.items():
        for corpus in corpora:
            for gate in load_gates(path, backend=backend, corpus=corpus, known=dict.fromkeys(known)):
                if isinstance(gate, LimitsGate):
                    yield from gate.watched_rates(f"{backend}.{corpus}.{gate.name}")


def _whole(option: str, text: str | None, most: int) -> int:
    if text is not None and text.isascii() and text.isdecimal() and 1 <= int(text) <= most:
        return int(text)
    raise UsageError(f"{option}: expected a whole number from 1 to {most:,}, got {text!r}")


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"
