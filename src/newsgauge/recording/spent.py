"""The tokens that a recording took: recorded cases in, usage by model version out. Reads lines, asks nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from ..cassettes.line import case_of
from ..cassettes.services import named_service
from ..cassettes.writer import RECORDED
from ..client.usage import Usage, add_usage, read_usage
from ..records import Case
from ..running.run_config import RunConfig, open_recorder


def tokens_spent(setup: RunConfig, cases: Iterable[Case], *, since: datetime) -> tuple[dict[str, Usage], int]:
    """Usage of the calls of these cases recorded from ``since`` on, and how many cases were answered."""
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
    return {version: add_usage(several) for version, several in counted.items()}, len(answered)
