"""Pictures of a terminal: what commands print, as an SVG that follows the reader's light or dark theme.

`save_terminal` draws one output; `save_story` several in turn. An SVG loads nothing: no font from the web, no script.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

WIDTH = 100
SECONDS_PER_FRAME = 5
LIGHT = TerminalTheme(
    (255, 255, 255),
    (36, 41, 47),
    [
        (36, 41, 47),
        (179, 29, 40),
        (17, 99, 41),
        (125, 78, 0),
        (9, 80, 185),
        (110, 64, 201),
        (27, 124, 131),
        (87, 96, 106),
    ],
    [
        (87, 96, 106),
        (164, 14, 38),
        (26, 127, 55),
        (99, 60, 1),
        (33, 139, 255),
        (130, 80, 223),
        (49, 146, 170),
        (36, 41, 47),
    ],
)
_STYLE = re.compile(r"\s*<style>(.*?)</style>", re.DOTALL)
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_BACKGROUND = re.compile(r'<rect fill="#[0-9a-f]{6}" stroke="rgba\(255,255,255,0.35\)"')


def _export(text: str, title: str, name: str, theme: TerminalTheme) -> tuple[str, str]:
    """The drawing and its style sheet. ``name`` is fixed, so that the same output is the same file."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(text), soft_wrap=True)
        drawn = console.export_svg(title=title, theme=theme, unique_id=name)
    found = _STYLE.search(drawn)
    assert found is not None
    screen = f'<rect class="{name}-screen" stroke="rgba(128,128,128,0.5)"'
    background = "#{:02x}{:02x}{:02x}".format(*theme.background_color)
    rules = f".{name}-screen {{ fill: {background} }}\n    .{name}-title {{ fill: #808080 }}"
    style = f"{_FONT.sub('', found[1])}\n    {rules}\n"
    return _BACKGROUND.sub(screen, _STYLE.sub("", drawn)), style


def _both_themes(text: str, title: str, name: str) -> tuple[str, str]:
    drawn, light = _export(text, title, name, LIGHT)
    _, dark = _export(text, title, name, SVG_EXPORT_THEME)
    return drawn, f"{light}@media (prefers-color-scheme: dark) {{ {dark} }}\n"


def _with_style(drawn: str, style: str) -> str:
    return re.sub(r"(<svg[^>]*>)", lambda found: f"{found[1]}\n<style>{style}</style>", drawn, count=1)


def save_terminal(text: str, path: Path, *, title: str) -> None:
    """One output."""
    path.write_text(_with_style(*_both_themes(text, title, "newsgauge")), "utf-8")


def save_story(outputs: Sequence[str], path: Path, *, title: str) -> None:
    """Outputs one after the other, all of one height; who asked for less motion sees the last."""
    height = max(text.count("\n") for text in outputs)
    total = SECONDS_PER_FRAME * len(outputs)
    until = 100 / len(outputs)
    styles = [
        f"@keyframes turn {{ 0%, {until - 0.01:.2f}% {{ opacity: 1 }} {until:.2f}%, 100% {{ opacity: 0 }} }}",
        f".frame {{ opacity: 0; animation: turn {total}s infinite }}",
        "@media (prefers-reduced-motion: reduce) { .frame { animation: none } .frame:last-of-type { opacity: 1 } }",
    ]
    frames, head = [], ""
    for number, text in enumerate(outputs):
        drawn, style = _both_themes(text + "\n" * (height - text.count("\n")), title, f"frame{number}")
        styles.append(style)
        head, inner = re.split(r"(?<=>)", drawn, maxsplit=1)
        inner = inner.rpartition("</svg>")[0]
        frames.append(f'<g class="frame" style="animation-delay: {number * SECONDS_PER_FRAME}s">{inner}</g>')
    path.write_text(_with_style("\n".join([head, *frames, "</svg>\n"]), "\n".join(styles)), "utf-8")
