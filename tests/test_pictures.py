"""The pictures of the docs are small, load nothing, and show what the committed baseline says."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from newsgauge.gates.baseline_file import load_baseline

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SVG = (PICTURES / "terminal.svg").read_text("utf-8")


@pytest.mark.parametrize("name", ["terminal.svg", "report.png"])
def test_a_picture_is_small_and_shown_in_the_readme(name: str) -> None:
    assert 10_000 < (PICTURES / name).stat().st_size < 300_000
    assert f"](docs/pictures/{name})" in (ROOT / "README.md").read_text("utf-8")


def test_the_terminal_loads_nothing() -> None:
    assert set(re.findall(r"https?://[^\s\"')]+", SVG)) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}


def test_the_terminal_shows_the_scores_of_the_baseline() -> None:
    shown = html.unescape(re.sub(r"<[^>]+>", "\n", SVG)).replace("\N{NO-BREAK SPACE}", " ")
    baseline = load_baseline(ROOT / "evals" / "baselines" / "embedded" / "bundled.json", shown="")
    assert baseline is not None
    assert len(baseline.variants) >= 5
    for name, one in baseline.variants.items():
        row = re.search(rf"^{name} +{one.scores['n']} +([\d.]+)% .* PASS$", shown, re.MULTILINE)
        assert row is not None, name
        assert float(row[1]) == pytest.approx(100 * one.scores["accuracy"], abs=0.0501)
