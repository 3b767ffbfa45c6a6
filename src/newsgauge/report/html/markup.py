"""Small pieces of HTML: tables, badges, numbers. Text in, escaped markup out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_CLASS = {"PASS": "PASS", "FAIL": "FAIL"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", left: int = 1) -> str:
    """The first cell of a row is its head; the first ``left`` columns are flush left. Cells are markup already."""
    cells = "".join(f'<th scope="col"{_left(i, left)}>{name}</th>' for i, name in enumerate(head))
    lines = []
    for row in rows:
        rest = "".join(f"<td{_left(i, left)}>{cell}</td>" for i, cell in enumerate(row[1:], 1))
        lines.append(f'<tr><th scope="row">{row[0]}</th>{rest}</tr>')
    words = f"<caption>{caption}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption) or "table"}"><table>{words}'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def section(name: str, title: str, *parts: str) -> str:
    """A section with a heading that the navigation links to."""
    return f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{title}</h2>{"".join(parts)}</section>'


def figure(picture: str, caption: str) -> str:
    """A picture with what it shows in words."""
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def details(title: str, body: str, *, is_open: bool = False) -> str:
    """What can be folded away."""
    return f"<details{' open' if is_open else ''}><summary>{title}</summary>{body}</details>"


def badge(finding: str | None) -> str:
    """PASS, FAIL and the rest, in words and colour."""
    word = finding or "NOT DECIDED"
    return f'<span class="badge {_CLASS.get(word, "UNSURE")}">{word}</span>'


def percent(value: float | None, digits: int = 1) -> str:
    """``66.2%``; an en dash where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def span(pair: Sequence[float | None] | None, digits: int = 1) -> str:
    """``[55.4%, 75.7%]``."""
    if pair is None or pair[0] is None or pair[1] is None:
        return "–"
    return f"[{100 * pair[0]:.{digits}f}%, {100 * pair[1]:.{digits}f}%]"


def number(value: float | None, digits: int = 1) -> str:
    """``1,234.5``."""
    return "–" if value is None else f"{value:,.{digits}f}".replace("-", "−")


def points(value: float | None) -> str:
    """A difference of two rates in percentage points, with its sign."""
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")


def _left(column: int, left: int) -> str:
    return ' class="left"' if column < left else ""
