"""``newsgauge power --until-decided``: what stopping a recording early would save. Options in; a table or JSON out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from ..._util.files import read_toml
from ..._util.option_values import is_whole, read_share
from ...errors import UsageError
from ...gates.baseline_gate import BaselineGate
from ...gates.comparison_gate import ComparisonGate
from ...gates.findings import FLIP_RATE, LEAD_FLIP_RATE, METRICS
from ...gates.gate import ALPHA
from ...gates.gates_file import load_gates
from ...gates.limits_gate import LimitsGate
from ...gates.stopping import looks_at, looks_of
from ...gates.watched import WatchedRate, boundaries
from ...planning.sampling import Plan
from ...scoring.stats.sequential import Look, Operating, operating
from ...scoring.stats.sequential_pairs import flip_boundaries, lead_operating
from ...variants.variants_file import load_variants
from ..backend_options import load_project

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
        help="a gates.toml, whose limits on rates, leads and drops are planned (not --min-accuracy)",
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


@dataclass(frozen=True)
class _Rate(WatchedRate):
    """A floor or a ceiling on a rate."""

    kind: ClassVar = "rate"
    least: ClassVar = 0
    n_sides: ClassVar = 1

    @property
    def counted(self) -> str:
        """What its boundaries count."""
        return "correct answers" if METRICS[self.metric].is_floor else "cases without the event"

    def at_limit(self, looks: tuple[int, ...]) -> tuple[tuple[Look, ...], float]:
        """The boundaries in what is counted, and the rate of that at the limit."""
        return boundaries(self.floor, looks), self.floor

    def odds(self, looks: tuple[int, ...], truth: float) -> Operating:
        """What happens at a true rate."""
        return operating(boundaries(self.floor, looks), truth if METRICS[self.metric].is_floor else 1 - truth)


@dataclass(frozen=True)
class _Lead:
    """A lead, or a change since the baseline, of at least so much, for which so many variants are asked.

    ``flips``: texts that flip beyond a difference; None: as usual.
    """

    variant: str
    metric: str
    limit: float
    n_sides: int
    alpha: float
    flips: float | None
    kind: ClassVar = "lead"
    least: ClassVar = -1
    counted: ClassVar = "gains among the texts that flip"

    def at_limit(self, looks: tuple[int, ...]) -> tuple[tuple[Look, ...], float]:
        """As that of a rate."""
        share = self._share(self.limit)
        found = flip_boundaries(looks, round(share * looks[-1]), self.limit, self.alpha, ALPHA)
        return found, (share + self.limit) / (2 * share)

    def odds(self, looks: tuple[int, ...], truth: float) -> Operating:
        """What happens at a true difference."""
        return lead_operating(looks, self._share(truth), truth, self.limit, self.alpha, ALPHA)

    def _share(self, truth: float) -> float:
        return min(1.0, abs(truth) + (self.flips or (FLIP_RATE if self.n_sides == 1 else LEAD_FLIP_RATE)))


_Limit: TypeAlias = _Rate | _Lead


@dataclass(frozen=True, slots=True)
class _Plan:
    """Limits with their looks."""

    looks: tuple[int, ...]
    truths: Sequence[float]
    cost: float | None

    def calls(self, limit: _Limit) -> int:
        """At worst."""
        return self.looks[-1] * limit.n_sides

    def chances(self, limit: _Limit) -> Iterator[tuple[float, Operating, float]]:
        """What happens at each true rate or difference, and the mean number of calls."""
        for truth in self.truths or [round(limit.limit + d, 10) for d in _DISTANCES]:
            if limit.least < truth < 1:
                found = limit.odds(self.looks, truth)
                yield truth, found, found.expected_n / self.looks[-1] * self.calls(limit)

    def as_json(self, limit: _Limit) -> dict[str, Any]:
        """Its boundaries, to check their error rates, and what they come to."""
        looks, rate = limit.at_limit(self.looks)
        return {
            "gate": limit.variant,
            "metric": limit.metric,
            "limit": rate,
            "in_gates": limit.limit,
            "counts": limit.counted,
            "looks": [asdict(one) | {"posts": posts} for one, posts in zip(looks, self.looks, strict=True)],
            "expected": [
                {
                    "truth": truth,
                    "pass": one.passed,
                    "fail": one.failed,
                    "undecided": one.undecided,
                    **self._with_cost(calls),
                }
                for truth, one, calls in self.chances(limit)
            ],
            "worst": self._with_cost(self.calls(limit)),
        }

    def _with_cost(self, calls: float) -> dict[str, float]:
        return {"calls": calls, **({} if self.cost is None else {"cost": calls * self.cost})}

    def block(self, limit: _Limit) -> Iterator[str]:
        """The same as lines."""
        looks, cost, most = self.looks, self.cost, self.calls(limit)
        (planned, _), ((whole,), _) = limit.at_limit(looks), limit.at_limit(looks[-1:])
        last, of_full_run = map(_ends, (planned[-1], whole))
        deciding = (n for n, one in zip(looks, planned, strict=True) if (one.pass_at, one.fail_at) != (None, None))
        name = limit.metric if limit.variant == limit.metric else f"{limit.variant}: {limit.metric}"
        yield (
            f"{name} {limit.limit:g}, at most {looks[-1]:,} texts, {len(looks)} looks; the first that can decide is at "
            f"{next(deciding, looks[-1]):,}"
        )
        yield f"False PASS and false FAIL: at most {ALPHA:.0%} each, exact. Texts are taken as independent."
        yield f"At the last look {last} {limit.counted} of {whole.n:,}; in a full run {of_full_run}."
        yield ""
        head = f"true {limit.kind}    PASS    FAIL  undecided  calls, mean  of all"
        yield head if cost is None else f"{head}       cost      saved"
        for truth, found, n in self.chances(limit):
            ends = f"{found.passed:6.1%}  {found.failed:6.1%}  {found.undecided:9.1%}"
            row = f"{truth:9.1%}  {ends}  {n:11,.0f}  {n / most:6.0%}"
            yield row if cost is None else f"{row}  {_money(n * cost):>9}  {_money((most - n) * cost):>9}"
        yield f"At worst all {most:,} calls are made{'' if cost is None else f', for {_money(most * cost)}'}."


def _ends(look: Look) -> str:
    up = "no PASS" if look.pass_at is None else f"PASS from {look.pass_at:,}"
    return f"{up} and {'no FAIL' if look.fail_at is None else f'FAIL up to {look.fail_at:,}'}"


def describe_sequential(options: argparse.Namespace) -> str:
    """The plan as text or JSON. `UsageError` names the option, what it expects and what came."""
    n_looks = None if options.looks is None else _whole("--looks", options.looks, _MOST_POSTS)
    cost = None if options.cost is None else read_share("--cost", options.cost, high=1e6, or_low=True)
    flips = None if options.flip_rate is None else read_share("--flip-rate", options.flip_rate)
    limits = _limits(options, flips)
    if options.posts is None and options.gates is not None:
        posts, limits = _of_project(options, limits)
        looks = looks_of(posts, n_looks, limits)
    else:
        cap = _whole("--posts", options.posts, _MOST_POSTS)
        step = 1 if options.labels is None else _whole("--labels", options.labels, cap)
        looks = looks_at(cap, step, n_looks and min(cap, n_looks), limits)
    low = min(one.least for one in limits)
    truths = [read_share("--truth", one.strip(), low=low) for one in options.truth.split(",")] if options.truth else ()
    plan = _Plan(looks, truths, cost)
    if options.json:
        gates = [plan.as_json(one) for one in limits]
        return json.dumps({"alpha": ALPHA, "posts": looks[-1], "gates": gates}, indent=2)
    return "\n\n".join("\n".join(plan.block(one)) for one in limits)


def _of_project(options: argparse.Namespace, limits: Sequence[_Limit]) -> tuple[Plan, list[_Limit]]:
    """The project's plan, and the limits that are about it. Raises `UsageError`."""
    options.record_mode, options.api_version = "none", None  # nobody is asked
    _, _, setup = load_project(options)
    about = f"{setup.backend}.{setup.plan.corpus}."
    own = [one for one in limits if one.variant.startswith(about)]
    if not own:
        raise UsageError(
            f"{options.gates}: expected a limit on a rate, a lead or a drop of [{about[:-1]}], the project's plan; "
            "there is none. Say --posts N to plan all limits of the file, or --backend and --corpus"
        )
    return setup.plan, own


def _limits(options: argparse.Namespace, flips: float | None) -> list[_Limit]:
    if options.gates is None:
        if options.min_accuracy is None:
            raise UsageError("--until-decided: expected --min-accuracy P or a gates.toml, got neither")
        return [_Rate("min_accuracy", read_share("--min-accuracy", options.min_accuracy), "min_accuracy")]
    if options.min_accuracy is not None:
        raise UsageError("--min-accuracy: the limits are those of the gates.toml; leave one of the two out")
    found = list(_of_file(Path(options.gates), flips))
    if not found:
        raise UsageError(
            f"{options.gates}: expected a limit on a rate, a lead or a drop, such as min_accuracy; there is none"
        )
    return found


def _of_file(path: Path, flips: float | None) -> Iterator[_Limit]:
    tree = read_toml(path, expected="the limits to hold", error=UsageError)
    tables: dict[str, dict[str, Any]] = {name: value for name, value in tree.items() if isinstance(value, dict)}
    known = [name for corpora in tables.values() for one in corpora.values() if isinstance(one, dict) for name in one]
    beside = path.with_name("variants.toml")  # knows under which disturbances a variant is asked
    known += load_variants(beside) if beside.is_file() else ()
    for backend, corpora in tables.items():
        for corpus in corpora:
            gates = load_gates(path, backend=backend, corpus=corpus, known=dict.fromkeys(known))
            n_corrected = sum(isinstance(gate, ComparisonGate) and not gate.primary for gate in gates)
            for gate in gates:
                name = f"{backend}.{corpus}.{gate.name}"
                if isinstance(gate, LimitsGate):
                    yield from (_Rate(one.metric, one.limit, one.variant) for one in gate.watched_rates(name))
                elif isinstance(gate, ComparisonGate):
                    yield _Lead(name, "beats", gate.by_at_least, 2, ALPHA / (1 if gate.primary else n_corrected), flips)
                elif isinstance(gate, BaselineGate) and gate.max_drop:
                    yield _Lead(name, "max_drop", -gate.max_drop, 1, ALPHA, flips)


def _whole(option: str, text: str | None, most: int) -> int:
    if text is not None and is_whole(text, most):
        return int(text)
    raise UsageError(f"{option}: expected a whole number from 1 to {most:,}, got {text!r}")


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"
