"""``newsgauge power --until-decided``: what stopping a recording early would save. Options in; a table or JSON out."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..._util.files import read_toml
from ...errors import UsageError
from ...gates.findings import METRICS
from ...gates.gates_file import load_gates
from ...gates.limits_gate import LimitsGate
from ...scoring.stats.sequential import Look, Operating, ceiling_boundaries, floor_boundaries, operating, planned_looks
from ..option_values import as_number, read_share

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
    group.add_argument("--posts", metavar="N", help="texts of the plan: the most that are asked")
    group.add_argument("--looks", metavar="K", default="20", help="how often to look (default: %(default)s)")
    group.add_argument("--truth", metavar="P,..", help="true rates to show (default: some around the limit)")
    group.add_argument("--cost", metavar="X", help="dollars per call, to show what is saved")
    group.add_argument(
        "--json",
        action="store_true",
        help="print JSON: the boundaries, to check their error rates; with --gates the chances",
    )


def describe_sequential(options: argparse.Namespace) -> str:
    """The plan as text or JSON. `UsageError` names the option, what it expects and what came."""
    cap = _whole("--posts", options.posts, _MOST_POSTS)
    looks = planned_looks(cap, min(cap, _whole("--looks", options.looks, _MOST_POSTS)))
    truths = None if options.truth is None else [read_share("--truth", one.strip()) for one in options.truth.split(",")]
    cost = None if options.cost is None else _dollars(options.cost)
    plans = [
        (gate, metric, limit, (floor_boundaries if is_floor else ceiling_boundaries)(limit, looks, alpha=_ALPHA))
        for gate, metric, limit, is_floor in _limits(options)
    ]
    if options.json:
        return json.dumps(
            {
                "alpha": _ALPHA,
                "posts": cap,
                "gates": [
                    {
                        "gate": gate,
                        "metric": metric,
                        "limit": limit,
                        "counts": "correct" if metric.startswith("min_") else "cases without the event",
                        "looks": [{"n": one.n, "pass_at": one.pass_at, "fail_at": one.fail_at} for one in boundaries],
                    }
                    for gate, metric, limit, boundaries in plans
                ],
            },
            indent=2,
        )
    blocks = [
        "\n".join(_block(gate, metric, limit, boundaries, truths=truths, cost=cost))
        for gate, metric, limit, boundaries in plans
    ]
    return "\n\n".join(blocks)


def _block(
    gate: str,
    metric: str,
    limit: float,
    boundaries: Sequence[Look],
    *,
    truths: Sequence[float] | None,
    cost: float | None,
) -> Iterator[str]:
    cap = boundaries[-1].n
    first = next((look.n for look in boundaries if look.pass_at is not None or look.fail_at is not None), cap)
    name = gate if gate == metric else f"{gate}: {metric}"
    yield f"{name} {limit:g}, at most {cap:,} texts, {len(boundaries)} looks; the first that can decide is at {first:,}"
    yield f"False PASS and false FAIL: at most {_ALPHA:.0%} each, exact. Texts are taken as independent of one another."
    yield ""
    head = "true rate    PASS    FAIL  undecided  calls, mean  of the plan"
    yield head if cost is None else f"{head}       cost      saved"
    is_floor = metric.startswith("min_")
    for truth in truths or [limit + d for d in _DISTANCES if 0 < limit + d < 1]:
        found: Operating = operating(boundaries, truth if is_floor else 1 - truth)
        n, ends = found.expected_n, f"{found.passed:6.1%}  {found.failed:6.1%}  {found.undecided:9.1%}"
        row = f"{truth:9.1%}  {ends}  {n:11,.0f}  {n / cap:11.0%}"
        yield row if cost is None else f"{row}  {_money(n * cost):>9}  {_money((cap - n) * cost):>9}"
    yield f"At worst all {cap:,} texts are asked{'' if cost is None else f', for {_money(cap * cost)}'}."


def _limits(options: argparse.Namespace) -> list[tuple[str, str, float, bool]]:
    """Name of the gate, metric, limit, and whether it is a floor."""
    if options.gates is None:
        if options.min_accuracy is None:
            raise UsageError("--until-decided: expected --min-accuracy P or a gates.toml, got neither")
        return [("min_accuracy", "min_accuracy", read_share("--min-accuracy", options.min_accuracy), True)]
    if options.min_accuracy is not None:
        raise UsageError("--min-accuracy: the limits are those of the gates.toml; leave one of the two out")
    found = list(_of_file(Path(options.gates)))
    if not found:
        raise UsageError(f"{options.gates}: expected a limit on a rate, such as min_accuracy; there is none to plan")
    return found


def _of_file(path: Path) -> Iterator[tuple[str, str, float, bool]]:
    tree = read_toml(path, expected="the limits to hold", error=UsageError)
    tables: dict[str, dict[str, Any]] = {name: value for name, value in tree.items() if isinstance(value, dict)}
    known = [name for corpora in tables.values() for one in corpora.values() if isinstance(one, dict) for name in one]
    for backend, corpora in tables.items():
        for corpus in corpora:
            for gate in load_gates(path, backend=backend, corpus=corpus, known=dict.fromkeys(known)):
                for limit in gate.limits if isinstance(gate, LimitsGate) else ():
                    metric = METRICS[limit.metric]
                    counted = metric.attribute in ("accuracy", "error_rate", "off_list_rate")
                    if counted and 0 < limit.limit < 1:
                        yield f"{backend}.{corpus}.{gate.name}", limit.metric, limit.limit, metric.is_floor


def _whole(option: str, text: str | None, most: int) -> int:
    if text is not None and text.isascii() and text.isdecimal() and 1 <= int(text) <= most:
        return int(text)
    raise UsageError(f"{option}: expected a whole number from 1 to {most:,}, got {text!r}")


def _dollars(text: str) -> float:
    value = as_number(text)
    if not 0 <= value < math.inf:
        raise UsageError(f"--cost: expected dollars per call, such as 0.0002, got {text!r}")
    return value


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"
