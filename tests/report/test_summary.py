"""summary.md, annotations, results.parquet: what machines and pull requests read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from newsgauge.report.summary import annotation_lines, summary_markdown
from newsgauge.results.run_folder import load_run


def test_the_summary_starts_with_the_verdict_and_has_tables_of_whole_rows(finished: Path) -> None:
    text = (finished / "summary.md").read_text("utf-8")
    lines = text.splitlines()
    assert lines[2] == "**❌ RED: 1 of 2 gates passed; gates failed: plain**"
    tables = [line for line in lines if line.startswith("|")]
    widths = [line.replace("\\|", "").count("|") for line in tables]
    assert widths == [9] * 4 + [6] * 6
    missed, _, held = text.partition("<details>")
    assert "| ❌ failed | plain |" in missed
    assert "| ✅ passed | tuned |" in held
    assert "<img" not in text


def test_the_summary_says_what_1000_posts_cost_where_there_is_a_price(finished: Path) -> None:
    lines = (finished / "summary.md").read_text("utf-8").splitlines()
    (head, tuned, plain) = [
        next(x for x in lines if x.startswith(f"| {name} |")) for name in ("variant", "tuned", "plain")
    ]
    assert head.endswith("| $ for 1,000 posts |")
    # 40 posts with a mean of 102.875 tokens in at $0.30 and 4 out at $2.50 a million
    assert tuned.endswith(f"| ${1000 * (102.875 * 0.30 + 4 * 2.50) / 1e6:.4f} |")
    assert plain.endswith("| \u2013 |")


def test_the_summary_has_no_column_of_cost_where_nothing_has_a_price(finished: Path) -> None:
    value = json.loads((finished / "tokens.json").read_text("utf-8"))
    value["variants"]["tuned"]["cost"] = value["variants"]["plain"]["cost"]
    (finished / "tokens.json").write_text(json.dumps(value))
    assert "$" not in summary_markdown(load_run(finished))


def test_an_annotation_is_one_line_a_gate_that_did_not_pass(finished: Path) -> None:
    lines = annotation_lines(load_run(finished))
    assert lines == [
        "::error title=newsgauge gate plain%3A failed::</script><img src=x onerror=alert(1)> & 50%25%0Aof |posts|"
    ]


def test_an_annotation_shows_the_line_of_the_variants_table(finished: Path, tmp_path: Path) -> None:
    run = load_run(finished)
    gates = tmp_path / "gates.toml"
    gates.write_text(
        f'# plain\n[embedded.other.plain]\n\n["{run.run["backend"]}"."{run.run["corpus"]}".plain]\nmin = 1\n'
    )
    assert annotation_lines(run, gates)[0].startswith(f"::error file={gates},line=4,title=newsgauge gate plain%3A")
    assert annotation_lines(run, tmp_path / "none.toml") == annotation_lines(run)


def test_the_parquet_file_holds_the_rows_of_the_csv(finished: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install -e .[parquet]")
    rows = parquet.read_table(finished / "results.parquet").to_pylist()
    with (finished / "results.csv").open(newline="") as file:
        assert [{name: str(value) for name, value in row.items()} for row in rows] == list(csv.DictReader(file))
