"""Which cases of a plan have to be asked: a setup in, a `Todo` out. Asks nobody, and replays nothing.

Exact: what the record mode would let through to the service in pytest, from the same digested requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..asked_models import AskedModels
from ..errors import CassetteError
from ..records import Case
from ..run import Setup, open_recorder
from ..variants import make_request
from ..written import WrittenRequests


@dataclass(frozen=True, slots=True)
class Todo:
    """``recorded``: cases whose line fits. ``unfit``: a line is there that does not fit, and the mode keeps it."""

    to_ask: tuple[Case, ...]
    n_recorded: int
    unfit: tuple[tuple[Case, CassetteError], ...] = ()


def find_todo(setup: Setup, *, since: str = "") -> Todo:
    """Read every planned case's line, 0.1 ms each; ``since`` is when an interrupted recording of all began."""
    recorder = open_recorder(setup)
    models = AskedModels(setup, base_url=lambda: None)
    written = WrittenRequests(setup.backend)
    to_ask: list[Case] = []
    unfit: list[tuple[Case, CassetteError]] = []
    n_recorded = 0
    for case in setup.cases:
        variant = setup.variants[case.variant]
        try:
            line = recorder.file(case.variant).read(case.post.id)
        except CassetteError as error:
            unfit.append((case, error))
            continue
        anew = setup.mode in ("all", "rewrite") and (
            line is None or not since or line.provenance.get("recorded", "") < since
        )
        if line is None or anew:
            to_ask.append(case)
            continue
        model, _ = models.of(variant, lambda line=line: line)  # type: ignore[misc]
        request = make_request(variant, case.post, labels=setup.plan.labels, model=model)
        asked = written.asked(request, case.post.text)
        if asked.fits(line):
            n_recorded += 1
        elif setup.mode == "once":
            unfit.append((case, recorder.explain(case.variant, case.post.id, asked)))
        else:
            to_ask.append(case)
    return Todo(tuple(to_ask), n_recorded, tuple(unfit))
