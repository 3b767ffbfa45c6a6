"""A results folder becomes a report: token summary, report.html, summary.md, results.parquet. Computes by calling
others, renders by calling others; each file is written whole or not at all.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .._util.files import write_json, write_whole
from .._util.platform import give_back
from ..records import Result
from ..results.result_files import COLUMNS, TOKEN_COLUMNS
from ..results.run_folder import EXHIBITS, RunFolder, load_run, read_run
from ..scoring.prices import NoPrice, load_prices
from ..scoring.tokens import Cost, Mean, TokenUse, savings, token_use

#: Of tokens.json.
FORMAT = 1
#: What a run leaves for people; removed when the next one starts, so that none is read as the report of another run.
WRITTEN = (
    *("report.html", "older-report.html", "summary.md", "tokens.json", "posts.json", "asked.json", "baseline.json"),
    *("results.parquet", "comparison.html"),
    *(f"{name}.json" for name in EXHIBITS),
)


def clear(folder: Path, *, but: Sequence[Path] = ()) -> None:
    """Remove the report of an older run, except for these files."""
    kept = {path.resolve() for path in but}
    for path in (folder / name for name in WRITTEN):
        if path.resolve() not in kept:
            path.unlink(missing_ok=True)


def publish(
    folder: Path,
    *,
    now: datetime,
    n_whole_set: int | None,
    posts: Mapping[str, str],
    asked: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Write everything that is made from the results of a run that is over. Raises `UsageError`.

    ``posts``: texts by id that may be shown; empty: none. ``asked``: what was asked and where the answers are recorded,
    as `RunFolder` has it.
    """
    run = load_run(folder)
    prices = load_prices(day=now.date())
    answered = [name for name in run.variants if run.scores[name]["n"]]
    uses = [token_use(run.results, name, prices=prices, n_whole_set=n_whole_set) for name in answered]
    tokens = {
        "format": FORMAT,
        "plan": run.run["plan"],
        "made": {
            "made": now.isoformat(timespec="seconds"),
            "newsgauge": __version__,
            "Python": platform.python_version(),
        },
        "n_posts_of_the_whole_set": n_whole_set,
        "variants": {one.variant: _use(one) for one in uses},
        "savings": [
            {**asdict(one), "saved": _mean(one.saved), "share": round(one.share, 6)}
            for one in savings(run.results, answered)
        ],
    }
    write_json(folder / "tokens.json", tokens)
    if asked:
        write_json(folder / "asked.json", {"plan": run.run["plan"], **asked}, seal=True)
    if posts:
        write_json(folder / "posts.json", {"plan": run.run["plan"], "posts": dict(posts)}, seal=True)
    return render(folder, results=run.results)


def _use(use: TokenUse) -> dict[str, Any]:
    """Mean tokens per post of a variant, and their cost."""
    means = {name: _mean(getattr(use, name)) for name in ("input", "cached", "tool_use", "output", "thinking")}
    return {**means, "model_versions": use.model_versions, "cost": _cost(use.cost)}


def _mean(mean: Mean) -> dict[str, Any]:
    return {"mean": round(mean.value, 6), "ci_95": [round(mean.low, 6), round(mean.high, 6)], "n": mean.n}


def _cost(cost: Cost | NoPrice) -> dict[str, Any]:
    if isinstance(cost, NoPrice):
        return {"price": None, "model": cost.model, "why": cost.why}
    price = cost.price
    rates = ("input", "output", "cached", "batch_input", "batch_output")
    costs = {
        "usd_per_1000_posts": cost.per_1000_posts,
        "usd_per_1000_posts_batch": cost.batch_per_1000_posts,
        "usd_whole_set": cost.whole_set,
    }
    return {
        "price": {
            "model": price.model,
            "usd_per_million": {name: getattr(price, name) for name in rates},
            "source": price.source,
            "checked": price.checked.isoformat(),
            "note": price.note,
        },
        **{name: None if value is None else round(value, 6) for name, value in costs.items()},
    }


def render(folder: Path, *, option: str = "--results", results: tuple[Result, ...] | None = None) -> RunFolder:
    """Write report.html and summary.md from what the folder holds. Raises `UsageError`.

    ``results``: those of results.csv, if they were read already.
    """
    from .html import render_run
    from .summary import summary_markdown

    run = read_run(folder, results)
    write_whole(folder / "report.html", render_run(run), option=option)
    write_whole(folder / "summary.md", summary_markdown(run), option=option)
    give_back()
    _write_parquet(folder)
    return run


def append_step_summary(run: RunFolder) -> str:
    """Append summary.md to the job's summary in GitHub Actions. Returns why that failed, or ''."""
    where = os.environ.get("GITHUB_STEP_SUMMARY")
    if not where or not run.results:
        return ""
    try:
        with Path(where).open("a", encoding="utf-8") as file:
            file.write((run.path / "summary.md").read_text("utf-8") + "\n")
    except OSError as error:
        return f"summary.md was not added to $GITHUB_STEP_SUMMARY ({where}): {error.strerror or error}"
    return ""


def github_annotations(run: RunFolder, gates: Path | None = None) -> list[str]:
    """One annotation per gate that did not pass. Empty outside GitHub Actions, and for a shard, which decides none.

    ``gates``: the path of gates.toml from the root of the repository.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true" or run.shard:
        return []
    from .summary import annotation_lines

    return annotation_lines(run, gates)


def _write_parquet(folder: Path) -> None:
    try:
        import pyarrow
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        return  # an extra: results.csv holds the same rows
    counts = {"correct", *TOKEN_COLUMNS}
    text = {name: pyarrow.string() for name in COLUMNS if name not in counts}  # a label may look like a number
    rows = pyarrow.csv.read_csv(
        folder / "results.csv",
        read_options=pyarrow.csv.ReadOptions(use_threads=False),  # each thread would keep memory of its own
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=text, strings_can_be_null=False),
    )
    table = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(rows, table)
    write_whole(folder / "results.parquet", table.getvalue().to_pybytes())
