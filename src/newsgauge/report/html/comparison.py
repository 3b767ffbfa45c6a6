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

from ..._util.wording import plural
from ...records import shown_id
from ...results.result_files import comparison_entry
from ...results.run_folder import RunFolder
from ...results.runs_compared import RunsCompared, VariantCompared
from ..comparing import comparison_cells, sentence
from ..numbers import dollars
from ..terminal import is_embedded
from .cases import clip
from .environment import cases_link, render
from .page import frame
from .sections import pair_chart
from .tables import Cell, Link, Table

#: Flips of one variant in the table; flips.csv of a run, and its report, hold the rest.
_MAX_FLIPS = 500


def render_comparison(first: RunFolder, second: RunFolder, compared: RunsCompared, *, at: Path) -> str:
    """``at``: where the page will be, so that it can lead to the reports of the runs beside it."""
    runs = (first, second)
    entries = [{**comparison_entry(one.found), "name": one.name} for one in compared.variants]
    counts = Counter(one.outcome for one in compared.variants)
    unit = second.unit
    embedded = any(is_embedded(str(run.run["backend"]), run.model_versions) for run in runs)
    values = {
        **frame(unit, "two runs compared", embedded=embedded),
        "about": f"B, {second.path}, against A, {first.path}",
        "nav": [
            ("summary", "Verdict"),
            ("changes", "What changed"),
            ("pairs", "Numbers"),
            ("flips", plural(unit).capitalize()),
        ],
        "counts": [(counts[word], word) for word in ("worse", "better", "no difference shown") if counts[word]],
        "sentences": [(one.outcome, sentence(one)) for one in compared.variants],
        "changes": [
            (change.what, word_diff(change.before, change.after) if change.is_text else None, change)
            for change in compared.changes
        ],
        "notes": compared.notes,
        "chart": pair_chart(entries),
        "pairs": _pairs(compared.variants, plural(unit)),
        "flips": [(one.name, table) for one in compared.variants if (table := _flips(one, runs, at))],
    }
    return render("comparison.html.j2", values)


def _pairs(variants: tuple[VariantCompared, ...], units: str) -> Table:
    is_priced = any(one.cost_before is not None or one.cost_after is not None for one in variants)
    rows = [
        (
            *comparison_cells(one),
            *((dollars(one.cost_before), dollars(one.cost_after)) if is_priced else ()),
        )
        for one in variants
    ]
    cost = (f"1,000 {units} in A", "in B") if is_priced else ()
    head = ("variant", "n", "accuracy in A", "in B", "points", "95% interval", "gained", "lost", "p", *cost)
    caption = f"on the {units} that both runs have an answer to; p: exact McNemar, two-sided; intervals: Tango's"
    return Table("B against A", head, rows, caption)


def _flips(one: VariantCompared, runs: tuple[RunFolder, RunFolder], at: Path) -> Table | None:
    """Posts that only one run has right, lost ones first; answers are cut if they may quote a post not to be shown."""
    found = [("lost", flip) for flip in one.found.lost] + [("gained", flip) for flip in one.found.gained]
    if not found:
        return None
    rows: list[tuple[Cell, ...]] = [
        (
            shown_id(flip.post_id),
            word,
            flip.label,
            *(
                _answer(clip(answer, shown=bool(run.posts)), run, at, flip.post_id, one.name)
                for answer, run in ((flip.second, runs[0]), (flip.first, runs[1]))
            ),
        )
        for word, flip in found[:_MAX_FLIPS]
    ]
    more = f"; the first {_MAX_FLIPS:,} of {len(found):,}" if len(found) > _MAX_FLIPS else ""
    caption = f"{len(one.found.lost):,} lost, {len(one.found.gained):,} gained{more}; an answer leads to its case"
    return Table(
        f"flips of {one.name}", (runs[1].unit, "in B", "label", "A answered", "B answered"), rows, caption, left=5
    )


def _answer(text: str, run: RunFolder, at: Path, post_id: str, variant: str) -> Link:
    """Leads to the case in the report of its run, wherever that lies."""
    report = Path(os.path.relpath(run.path / "report.html", at.parent)).as_posix()
    return Link(
        text or "(empty)", report + cases_link({"posts": shown_id(post_id), "open": f"{shown_id(post_id)} {variant}"})
    )


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
