"""``newsgauge doctor``: what is installed and visible, and what would work. Status 0 if a replay would work, else 1."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ..backend_options import add_folder_options, folders_of
from ..diagnosis import Diagnosis, diagnose


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge doctor``."""
    parser.description = (
        "Show what is installed and visible here, and what would work: versions, keys and data (never a key's value), "
        "this project's folders. Asks no service. Exit status 0 if a replay would work, else 1."
    )
    add_folder_options(parser, cassettes=True)


def handle(options: argparse.Namespace) -> int:
    """Look and print; 0 if a replay would work, else 1."""
    found = diagnose(folders_of(options))
    print("\n".join(_lines(found)))
    return 0 if found.can_replay else 1


def _lines(found: Diagnosis) -> Iterator[str]:
    for heading, facts in found.facts.items():
        yield heading
        width = max(len(fact.name) for fact in facts)
        for fact in facts:
            yield f"  {'!' if fact.is_wrong else ' '} {fact.name:<{width}}  {fact.text}"
    yield "what would work"
    width = max(len(ability.name) for ability in found.abilities)
    for ability in found.abilities:
        yield f"    {ability.name:<{width}}  {f'no: {ability.why_not}' if ability.why_not else 'yes'}"
