"""report.html: what it holds, what it must not hold, and how large it gets."""

from __future__ import annotations

import base64
import gzip
import html
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from newsgauge.report.html import render_run
from newsgauge.report.html.accuracy import class_scores, confusion_matrix
from newsgauge.report.html.blocks import round_axis
from newsgauge.results.run_folder import load_run
from tests.report.report_runs import SECRET, VERDICTS, write_run


def packed_cases(page: str) -> dict[str, Any]:
    packed = re.search(r'id="case-data">([^<]+)<', page)
    assert packed is not None
    value: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return value


def test_the_page_asks_nobody_for_anything(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert re.findall(r"<(?:img|iframe|object|embed|audio|video|base)\b", page) == []
    assert re.findall(r"<[^>]+\bsrc=|@import|url\(|fetch\(|XMLHttpRequest|import\(", page) == []
    assert set(re.findall(r'<link[^>]+href="([^"]+)"', page)) == {"data:,"}


def test_what_a_gate_says_cannot_become_markup(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "<img" not in page
    assert "&lt;/script&gt;&lt;img src=x onerror" in page


def test_every_section_is_there_and_the_failed_gate_comes_first(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    links = re.findall(r'<a href="#([\w-]+)"', page)
    assert links == re.findall(r'<section id="([\w-]+)"', page)
    assert ">RED</strong> 1 of 2 gates passed; gates failed: plain<" in page
    summary = page[page.index('<section id="summary"') : page.index('<section id="all-cases"')]
    limits = summary[summary.index("Limits that were not held") :]
    assert (
        limits.index('<th scope="row">plain</th>')
        < limits.index("<details>")
        < limits.index('<th scope="row">tuned</th>')
    )
    assert "newsgauge's own small model, not Gemini" in html.unescape(page)


def test_every_chart_has_its_values_in_words(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    charts = re.findall(r'<div class="chart [a-z]+" role="img" aria-label="([^"]+)"', page)
    assert len(charts) == 7  # accuracy, pairs, learning curve, loss, input, output, cost
    assert sum("tuned" in words for words in charts) == 5
    assert page.count("<figcaption>") == 7


def test_curves_say_their_points_in_words_and_in_a_table(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert (
        'aria-label="Accuracy by training posts: 5 posts per class: 50.0% of 40; 10 posts per class: 75.0% of 40"'
        in page
    )
    assert 'aria-label="Mean loss of 4 steps: first step 1: 2.000, last step 4: 0.500"' in page
    # Wilson's 95% interval of 20 of 40, as R's prop.test(20, 40, correct=FALSE) gives it.
    assert ">29</td><td>30 of 40</td>" in page
    assert ">15</td><td>20 of 40</td><td>50.0%</td><td>[35.2%, 64.8%]</td>" in page
    assert '<th scope="row">3</th><td>2</td><td>0.7500</td>' in page
    assert "tunedModels/&lt;own&gt;" in page
    assert page.count('class="break"') == 2


def test_suspect_labels_are_listed_with_their_posts(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "Texts of the corpus that appear under two labels: 1; nearly the same texts under two labels: 1." in page
    assert '&lt;a&gt;, b</td><td class="left">a-1 (test), b-7 (train)</td>' in page
    assert "texts of the corpus that appear under two labels: 2" in (finished / "summary.md").read_text("utf-8")


def test_counted_tokens_stand_beside_used_ones(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "<td>2</td><td>151.5</td><td>158.5</td><td>7</td>" in page
    assert "<td>2</td><td>151.5</td><td>151.5</td><td>0</td>" in page


def test_without_what_evals_leave_there_is_no_section_about_it(tmp_path: Path) -> None:
    page = (write_run(tmp_path / "run", exhibits=False) / "report.html").read_text("utf-8")
    assert "#learning" not in page
    assert "#suspect" not in page
    assert "Counted before asking" not in page
    assert "learning_curve.json" not in page


def test_cost_is_shown_where_there_is_a_price_and_said_to_be_none_elsewhere(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "<li>plain: no price: prices.toml holds no price for it (unsold-1)" in page
    # tuned: 40 posts with 100 + (0..6) tokens in, mean 102.875, at $0.30; 4 out at $2.50 a million
    assert f"${1000 * (102.875 * 0.30 + 4 * 2.50) / 1e6:.4f}" in page
    assert "whole test set (1,000)" in page


def test_the_table_holds_every_case_and_the_posts_that_may_be_shown(finished: Path) -> None:
    cases = packed_cases((finished / "report.html").read_text("utf-8"))
    assert len(cases["post"]) == 80
    assert cases["posts"][7] == ["sci.med-7", 1, f"{SECRET} 7"]
    assert set(cases["outcomes"]) == {"right", "wrong", "off-list"}


def test_the_first_screen_has_a_row_per_variant_with_its_change_and_what_to_do(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    summary = page[page.index('<section id="summary"') : page.index('<section id="all-cases"')]
    rows = dict(re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', summary, re.DOTALL))
    assert ">−2.5 points<" in rows["tuned"]
    assert ">0.0 points<" in rows["plain"]
    assert 'href="#cases?variant=plain&amp;outcome=not%20right">Look at the 10 wrong answers of plain.' in summary
    assert 'href="#cases?variant=tuned&amp;only=changed%20since%20the%20baseline">' in summary


def test_a_count_of_pairs_leads_to_its_cases(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    pairs = page[page.index('<section id="pairs"') :]
    assert re.search(r'<a href="#cases\?variant=tuned&amp;right=tuned&amp;wrong=plain">\d+</a>', pairs)


def test_the_page_says_what_it_was_made_by_and_each_prompt(finished: Path) -> None:
    asked = json.loads((finished / "asked.json").read_text("utf-8"))
    asked |= {"made_by": {"commit": "0123abc", "command": "pytest evals"}, "trained_on": {"tuned": "40 posts, hash 1"}}
    (finished / "asked.json").write_text(json.dumps(asked))
    page = render_run(load_run(finished))
    provenance = page[page.index('<section id="provenance"') :]
    for text in ("0123abc", "pytest evals", "40 posts, hash 1", "prompt of tuned"):
        assert text in provenance


def test_what_a_prompt_says_cannot_become_markup(tmp_path: Path) -> None:
    prompts = {"plain": "</script><script>alert(1)</script>{post}", "tuned": "{post}"}
    page = (write_run(tmp_path / "run", prompts=prompts) / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert packed_cases(page)["prompts"]["plain"] == [["prompt", prompts["plain"]]]


def test_a_failed_eval_makes_a_page_with_passed_gates_red(tmp_path: Path) -> None:
    page = (write_run(tmp_path / "green", verdicts=VERDICTS[:1]) / "report.html").read_text("utf-8")
    assert ">GREEN</strong> 1 of 1 gates passed<" in page
    failed = ("evals/test_x.py::test_y",)
    page = (write_run(tmp_path / "red", verdicts=VERDICTS[:1], failed=failed) / "report.html").read_text("utf-8")
    assert ">RED</strong> 1 of 1 gates passed, but 1 test failed: evals/test_x.py::test_y<" in page


def test_no_text_of_a_post_is_in_a_report_that_may_not_show_it(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", corpus="20newsgroups", shows_posts=False)
    page = (folder / "report.html").read_text("utf-8")
    cases = packed_cases(page)
    assert all(len(post) == 2 for post in cases["posts"])
    # A chat that quotes the post is cut after 40 characters.
    assert all(len(answer) <= 40 or answer.endswith(" characters)") for answer in cases["answers"])
    assert not (folder / "posts.json").exists()
    assert "on and on" not in page + json.dumps(cases) + (folder / "summary.md").read_text("utf-8")


def test_rendering_again_says_the_same(finished: Path) -> None:
    from newsgauge.report.publishing import render

    before = (finished / "report.html").read_bytes()
    (finished / "report.html").unlink()
    render(finished)
    assert (finished / "report.html").read_bytes() == before


def test_a_run_without_gates_says_that_nothing_was_decided(tmp_path: Path) -> None:
    page = (write_run(tmp_path / "run", verdicts=()) / "report.html").read_text("utf-8")
    assert ">RED</strong> no gate decided; no gate is set<" in page


def words(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(230))


@pytest.mark.parametrize(
    ("n_posts", "max_mb"), [(200, 3), pytest.param(15_000, 15, marks=pytest.mark.slow)], ids=["400", "30000"]
)
def test_the_page_stays_small(tmp_path: Path, n_posts: int, max_mb: int) -> None:
    # Posts of about 1,500 characters, as in the bundled corpus; random letters compress worse than mail.
    shown = n_posts <= 200
    folder = write_run(tmp_path / "run", n_posts=n_posts, text=words if shown else str, shows_posts=shown)
    assert (folder / "report.html").stat().st_size < max_mb * 1e6


@pytest.mark.parametrize("highest", [0.0, 0.03, 0.7, 1.0, 4.9, 41.7, 99.0, 100.0, 788.5, 12_345.0])
def test_an_axis_holds_its_highest_value_with_few_round_ticks(highest: float) -> None:
    axis = round_axis(highest)
    end, ticks = axis.end, axis.ticks
    assert end > highest
    assert 2 <= len(ticks) <= 12
    assert ticks[0][0] == 0
    assert ticks[-1][0] == pytest.approx(end)


def test_the_shade_of_a_confusion_cell_is_its_share_of_the_row_and_of_an_f1_cell_its_value(finished: Path) -> None:
    run = load_run(finished)
    classes = class_scores(run)
    for column, (name, score) in enumerate(run.scores.items()):
        matrix = confusion_matrix(name, score, "post")
        for (_, cells), counts in zip(matrix.rows, score["confusion"]["rows"], strict=True):
            assert [cell.shade for cell in cells] == [n / sum(counts) for n in counts]
        shown = [cells[1 + column].shade for _, cells in classes.rows]
        assert shown == [one["f1"] or 0.0 for one in score["classes"]] + [score["macro_f1"]]
