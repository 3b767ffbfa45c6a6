"""The page of two runs, the second against the first: what changed, better or worse, and the posts that show it.

Two texts in, the words that stand in one or both of them out: for a template to mark.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from ..._util.numbers import dollars, number
from ..._util.wording import count_of, plural
from ...records import shown_id
from ...results.result_files import comparison_entry
from ...results.run_folder import RunFolder
from ...results.runs_compared import RunsCompared, VariantCompared
from ..comparing import comparison_cells, sentence
from ..terminal import is_embedded
from .accuracy import pair_chart
from .blocks import Column, Fold, Link, Section, Table, Text, table
from .cases import clip
from .environment import cases_link, render
from .page import frame

#: Flips of one variant in the table; flips.csv of a run, and its report, hold the rest.
_MAX_FLIPS = 500


def render_comparison(first: RunFolder, second: RunFolder, compared: RunsCompared, *, at: Path) -> str:
    """Render the page. ``at``: its path, to link to the reports of both runs."""
    runs = (first, second)
    entries = [{**comparison_entry(one.found), "name": one.name} for one in compared.variants]
    counts = Counter(one.outcome for one in compared.variants)
    unit, units = second.unit, plural(second.unit)
    embedded = any(is_embedded(str(run.run["backend"]), run.model_versions) for run in runs)
    flips = [fold for one in compared.variants if (fold := _flips(one, runs, at))]
    sections = [
        Section(
            "pairs",
            "Numbers",
            "Accuracy and cost of both",
            [_pairs(compared.variants, runs), pair_chart(entries, units, better="B")],
        ),
        Section(
            "flips",
            units.capitalize(),
            f"{units.capitalize()} that exactly one run has right",
            flips or [Text(f"No {unit} is right in one and wrong in the other.")],
        ),
    ]
    values = {
        **frame(unit, "two runs compared", embedded=embedded),
        "about": f"B, {second.path}, against A, {first.path}",
        "nav": [Section("summary", "Verdict", "", ()), Section("changes", "What changed", "", ()), *sections],
        "sections": sections,
        "counts": [(counts[word], word) for word in ("worse", "better", "no difference shown") if counts[word]],
        "sentences": [(one.outcome, sentence(one)) for one in compared.variants],
        "changes": [
            (change.what, word_diff(change.before, change.after) if change.is_text else None, change)
            for change in compared.changes
        ],
        "notes": compared.notes,
    }
    return render("comparison.html.j2", values)


def _pairs(variants: tuple[VariantCompared, ...], runs: tuple[RunFolder, RunFolder]) -> Table:
    unit, units = runs[1].unit, plural(runs[1].unit)
    priced = [any(run.cost_per_1000(one.name) is not None for one in variants) for run in runs]
    costs = [dollars if is_priced else number for is_priced in priced]
    rows = [(*comparison_cells(one), costs[0](one.cost_before), costs[1](one.cost_after)) for one in variants]
    cost = [f"1,000 {units}" if is_priced else f"tokens per {unit}" for is_priced in priced]
    costs_head = (f"{cost[0]} in A", "in B" if cost[0] == cost[1] else f"{cost[1]} in B")
    head = ("variant", "n", "accuracy in A", "in B", "points", "95% interval", "gained", "lost", "p", *costs_head)
    caption = f"on the {units} that both runs have an answer to; p: exact McNemar, two-sided; intervals: Tango's"
    return Table("B against A", head, rows, caption)


def _flips(one: VariantCompared, runs: tuple[RunFolder, RunFolder], at: Path) -> Fold | None:
    """Posts that only one run has right, lost ones first; answers are cut if they may quote a post not to be shown."""
    found = [("lost", flip) for flip in one.found.lost] + [("gained", flip) for flip in one.found.gained]
    if not found:
        return None

    def answer(text: str, run: RunFolder, post_id: str) -> Link:
        """Leads to the case in the report of its run, wherever that lies."""
        report = Path(os.path.relpath(run.path / "report.html", at.parent)).as_posix()
        link = cases_link({"posts": shown_id(post_id), "open": f"{shown_id(post_id)} {one.name}"})
        return Link(clip(text, shown=bool(run.posts)) or "(empty)", report + link)

    columns: list[Column] = [
        (runs[1].unit, lambda row: shown_id(row[1].post_id)),
        ("in B", lambda row: row[0]),
        ("label", lambda row: row[1].label),
        ("A answered", lambda row: answer(row[1].second, runs[0], row[1].post_id)),
        ("B answered", lambda row: answer(row[1].first, runs[1], row[1].post_id)),
    ]
    more = f"; the first {_MAX_FLIPS:,} of {len(found):,}" if len(found) > _MAX_FLIPS else ""
    caption = f"{len(one.found.lost):,} lost, {len(one.found.gained):,} gained{more}; an answer leads to its case"
    shown = table(f"flips of {one.name}", columns, found[:_MAX_FLIPS], caption, left=5)
    return Fold(f"{one.name}: {count_of(len(shown.rows), runs[1].unit)}", [shown], is_open=True)


Kind = Literal["same", "gone", "new"]
_WORDS = re.compile(r"\s+|[^\s\w]|\w+")


def word_diff(before: str, after: str) -> list[tuple[Kind, str]]:
    """Runs of text in reading order; joined, all but ``new`` give ``before``, all but ``gone`` give ``after``."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    found: list[tuple[Kind, str]] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(old[i:j])))
            continue
        if old[i:j]:
            found.append(("gone", "".join(old[i:j])))
        if new[k:m]:
            found.append(("new", "".join(new[k:m])))
    return found
