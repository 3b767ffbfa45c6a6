"""The pictures of the docs are small, load nothing, and show what the committed baseline says."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from newsgauge.gates.baseline_file import load_baseline

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
CHANGE = (PICTURES / "change.svg").read_text("utf-8")
SVG = (PICTURES / "terminal.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("change.svg", "README.md"),
        ("report.png", "README.md"),
        ("terminal.svg", "docs/tutorial.md"),
        ("slices.svg", "docs/beyond-accuracy.md"),
        *((f"{name}.png", "docs/beyond-accuracy.md") for name in ("confidence", "disturbances", "cost")),
        *((f"report-{name}.png", "docs/report.md") for name in ("red", "case", "stale", "inconclusive", "comparison")),
    ],
)
def test_a_picture_is_small_and_shown_in_a_page(name: str, page: str) -> None:
    assert 10_000 < (PICTURES / name).stat().st_size < 300_000
    assert f"pictures/{name})" in (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("svg", [SVG, CHANGE], ids=["terminal", "change"])
def test_a_terminal_loads_nothing_and_follows_the_dark_theme(svg: str) -> None:
    assert set(re.findall(r"https?://[^\s\"')]+", svg)) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "<script" not in svg
    assert "@media (prefers-color-scheme: dark)" in svg


def words_of(svg: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "\n", svg)).replace("\N{NO-BREAK SPACE}", " ")


def test_a_changed_prompt_is_shown_red_between_green_runs() -> None:
    verdicts = re.findall(r"newsgauge: (GREEN|RED)", words_of(CHANGE))
    assert verdicts == ["GREEN", "RED", "GREEN", "GREEN"]
    assert "Record it again: pytest" in words_of(CHANGE)
    assert "prefers-reduced-motion" in CHANGE


def test_the_terminal_shows_the_scores_of_the_baseline() -> None:
    shown = words_of(SVG)
    baseline = load_baseline(ROOT / "evals" / "baselines" / "embedded" / "bundled.json", shown="")
    assert baseline is not None
    assert len(baseline.variants) >= 5
    for name, one in baseline.variants.items():
        row = re.search(rf"^{re.escape(name)} +{one.scores['n']} +([\d.]+)% .* PASS$", shown, re.MULTILINE)
        assert row is not None, name
        assert float(row[1]) == pytest.approx(100 * one.scores["accuracy"], abs=0.0501)
