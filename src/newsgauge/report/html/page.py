"""The page of a run, and that of two runs: what their templates show, put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...results.result_files import comparison_entry
from ...results.run_folder import RunFolder
from ...scoring.scores import Comparison, Flip
from ..findings import limit_lines
from ..numbers import count_of
from ..terminal import BACKEND_NOTES, is_embedded
from . import sections
from .cases import clip, pack_cases
from .curves import learning_curves
from .environment import render
from .matrices import class_scores, confusion_matrices
from .overview import overview_values
from .tables import Table
from .token_sections import accuracy_by_cost, token_values

_NAV = (
    *(("summary", "Verdict"), ("all-cases", "Cases"), ("accuracy", "Accuracy"), ("confusion", "Confusion")),
    *(("classes", "Classes"), ("pairs", "Pairs"), ("learning", "Learning"), ("tokens", "Tokens and cost")),
    ("suspect", "Suspect labels"),
    ("provenance", "Provenance"),
)


def render_run(run: RunFolder) -> str:
    """The page of one run."""
    backend, corpus = str(run.run["backend"]), str(run.run["corpus"])
    curves, suspect = learning_curves(run), sections.suspect_labels(run)
    absent = {name for name, value in (("learning", curves), ("suspect", suspect)) if not value}
    values = {
        **_frame(f"{corpus}, {backend} backend", embedded=is_embedded(backend, run.model_versions)),
        "about": f"{run.posts_in_words}, {count_of(len(run.variants), 'variant')}, plan {run.run['plan']}",
        "nav": [(name, text) for name, text in _NAV if name not in absent],
        **overview_values(run),
        "trade_off": accuracy_by_cost(run),
        "cases": _cases(run),
        "accuracy": sections.accuracy_values(run),
        "matrices": confusion_matrices(run),
        "classes": class_scores(run),
        "pairs": [sections.pair_chart(run.comparisons), sections.pair_table(run.comparisons)]
        if run.comparisons
        else None,
        "curves": curves,
        "suspect": suspect,
        "tokens": token_values(run),
        "provenance": sections.provenance_values(run),
    }
    return render("run.html.j2", values)


def render_comparison(first: RunFolder, second: RunFolder, found: tuple[Comparison, ...], notes: Iterable[str]) -> str:
    """The page of two runs: ``found`` is one comparison a variant, first less second."""
    entries = [{**comparison_entry(one), "name": one.first} for one in found]
    rows = [
        (one.first, flip.post_id, flip.label, *_answers(flip, first, second), right)
        for one in found
        for right, flips in (("first", one.gained), ("second", one.lost))
        for flip in flips
    ]
    head = ("variant", "post", "label", "first answered", "second answered", "right")
    both = [
        (name, *(str(run.run[key]) for run in (first, second)))
        for name, key in (("backend", "backend"), ("corpus", "corpus"), ("plan", "plan"), ("posts", "n_posts"))
    ]
    values = {
        **_frame(
            "two runs compared",
            embedded=any(is_embedded(str(one.run["backend"]), one.model_versions) for one in (first, second)),
        ),
        "about": f"{first.path} against {second.path}",
        "nav": [],
        "runs": Table("the runs", ("of the run", f"first: {first.path}", f"second: {second.path}"), both, left=3),
        "notes": list(notes),
        "chart": sections.pair_chart(entries),
        "pairs": sections.pair_table(entries),
        "flips": Table("flips", head, rows, left=6) if rows else None,
    }
    return render("comparison.html.j2", values)


def _frame(title: str, *, embedded: bool) -> dict[str, Any]:
    return {"title": title, "note": BACKEND_NOTES["embedded"] if embedded else ""}


def _cases(run: RunFolder) -> dict[str, Any]:
    failing = next((line.variant for line in limit_lines(run) if line.state in ("failed", "unanswered")), "")
    start = {"variant": failing, "outcome": "not right"} if failing else {}
    return {"packed": pack_cases(run, start=start), "has_posts": bool(run.posts)}


def _answers(flip: Flip, first: RunFolder, second: RunFolder) -> tuple[str, str]:
    """Both answers, cut where they may quote a post that is not to be shown."""
    return clip(flip.first, shown=bool(first.posts)), clip(flip.second, shown=bool(second.posts))
