"""What a service is paid: a budget and a question before the first call, and what is left of the budget after it.

Recordings, batches and tuning jobs use it, and so must any future paid call.

Also the tokens that a recording used: recorded cases in, usage by model version out. Reads lines, asks no service.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .._util.option_values import says_yes
from ..cassettes.line import case_of
from ..cassettes.recorder import RECORDED
from ..cassettes.services import named_service
from ..client.answers import Usage, add_usage, read_usage
from ..errors import UsageError
from ..records import Case
from ..running.run_config import RunConfig, open_recorder

#: (model version, its tokens) -> US dollars, or None if the price is not known.
CostOf = Callable[[str, Usage], float | None]


def is_watched() -> bool:
    """Whether somebody can be asked, also if the output goes elsewhere: ``| tee record.log``."""
    return sys.stdin.isatty() and (sys.stdout.isatty() or sys.stderr.isatty())


def confirm(lines: Iterable[str]) -> None:
    """Show on the terminal what will be paid for, and ask. Raises `UsageError` unless the answer is yes."""
    seen = sys.stdout if sys.stdout.isatty() else sys.stderr
    print("\n".join(f"newsgauge: {line}" for line in lines), file=seen)
    if not says_yes("newsgauge: ask and pay for it?", seen=seen):
        raise UsageError("not confirmed: nothing was asked")


def check_budget(budget: float | None, expected: float | None) -> None:
    """Refuse a forecast above ``--max-cost``, or without a known price."""
    if budget is None:
        return
    if expected is None:
        raise UsageError(
            f"--max-cost {budget:g}: no price is known for what would be asked, so the budget cannot be kept; nothing "
            "was asked. Leave --max-cost out, ask a model that prices.toml knows, or give the price of tuning: --price"
        )
    if expected > budget:
        raise UsageError(
            f"--max-cost {budget:g}: this is forecast to cost about {expected:,.4f} USD; nothing was asked. Ask for "
            "fewer texts or variants, or raise the budget"
        )


@dataclass
class Budget:
    """The rest of ``--max-cost`` while answers come in. A call counts as much as the most expensive one so far.

    ``dearest``: at the start, the forecast for one call.
    """

    cost_of: CostOf
    limit: float
    dearest: float
    is_known: bool = False
    spent: float = 0.0

    def add(self, version: str, usage: Usage) -> None:
        """Count a paid answer; without a price or token counts, at the cost of the most expensive one so far."""
        cost = self.cost_of(version, usage) if usage.is_counted else None
        cost = self.dearest if cost is None else cost
        self.dearest = max(self.dearest, cost)
        self.is_known = True
        self.spent += cost

    def why_not(self, n_under_way: int) -> str:
        """Why no further call may start beside those under way; '' while it may.

        The first answer is awaited: until then nobody knows how wrong the forecast is.
        """
        if n_under_way and not self.is_known:
            return f"--max-cost {self.limit:g}: waiting for the first answer, to know what one costs"
        if self.spent + (n_under_way + 1) * self.dearest <= self.limit:
            return ""
        return f"--max-cost {self.limit:g}: {self.spent:.4f} USD are spent, and the next call could pass it"


class Spent(NamedTuple):
    """The tokens of answers, by the model version that gave them.

    ``n_uncounted``: answers whose tokens the service did not count.
    """

    by_version: Mapping[str, Usage]
    n_answers: int
    n_uncounted: int = 0


def tokens_spent(setup: RunConfig, cases: Iterable[Case], *, since: datetime) -> Spent:
    """Those of the calls of these cases that were recorded from ``since`` on."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        wanted[case.variant].add(case.post.id)
    counted: dict[str, list[Usage]] = defaultdict(list)
    answered: set[tuple[str, str]] = set()
    recorder, start = open_recorder(setup), since.strftime(RECORDED)
    for variant, posts in wanted.items():
        for line in recorder.file(variant).lines():
            if case_of(line.key) in posts and line.provenance.get("recorded", "") >= start:
                answered.add((variant, case_of(line.key)))
                service = named_service(line.service)
                version = service.model_version(line.answer) or "an unnamed model"
                counted[version].append(read_usage(service.usage(line.answer)))
    recorder.close()
    n_uncounted = sum(not one.is_counted for several in counted.values() for one in several)
    by_version = {version: add_usage(several) for version, several in counted.items()}
    return Spent(by_version, len(answered), n_uncounted)
