"""What the template of a table is given: plain text, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads somewhere; ``before`` stands on a line of its own, ``after`` behind the link."""

    text: str
    href: str
    before: str = ""
    after: str = ""


Cell = str | Link


@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of a row is its head; the first ``left`` columns are flush left.

    ``name`` says which table of the page it is, for who cannot see where it stands.
    """

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    left: int = 1
