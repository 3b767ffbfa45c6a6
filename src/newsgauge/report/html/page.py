"""The page of a run: what its template shows, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._util.wording import count_of, plural
from ...results.run_folder import RunFolder
from ..findings import limit_lines
from ..terminal import BACKEND_NOTES, is_embedded
from . import sections
from .breakdown import confidence_values, slice_values
from .cases import pack_cases
from .curves import learning_curves, loss_by_step
from .environment import render
from .matrices import class_scores, confusion_matrices
from .overview import overview_values
from .token_sections import accuracy_by_cost, token_values

_NAV = (
    *(("summary", "Verdict"), ("all-cases", "Cases"), ("accuracy", "Accuracy"), ("confusion", "Confusion")),
    *(
        ("slices", "Slices"),
        ("confidence", "Confidence"),
        ("classes", "Classes"),
        ("pairs", "Pairs"),
        ("learning", "Learning"),
        ("tokens", "Tokens and cost"),
    ),
    ("suspect", "Suspect labels"),
    ("provenance", "Provenance"),
)


def render_run(run: RunFolder) -> str:
    """The page of one run."""
    backend, corpus = str(run.run["backend"]), run.texts
    curves, suspect = learning_curves(run), sections.suspect_labels(run)
    slices, sure = slice_values(run), confidence_values(run)
    parts = {"learning": curves, "suspect": suspect, "slices": slices, "confidence": sure}
    absent = {name for name, value in parts.items() if not value}
    values = {
        **frame(run.unit, f"{corpus}, {backend} backend", embedded=is_embedded(backend, run.model_versions)),
        "about": f"{run.posts_in_words}, {count_of(len(run.variants), 'variant')}, plan {run.run['plan']}",
        "nav": [(name, text) for name, text in _NAV if name not in absent],
        **overview_values(run),
        "trade_off": accuracy_by_cost(run),
        "cases": _cases(run),
        "accuracy": sections.accuracy_values(run),
        "slices": slices,
        "confidence": sure,
        "matrices": confusion_matrices(run),
        "classes": class_scores(run),
        "pairs": [sections.pair_chart(run.comparisons), sections.pair_table(run.comparisons)]
        if run.comparisons
        else None,
        "curves": curves,
        "suspect": suspect,
        "tokens": token_values(run),
        "prompts": run.prompts,
        "provenance": sections.provenance_values(run),
    }
    return render("run.html.j2", values)


def render_training(losses: Sequence[Mapping[str, Any]], *, job: str, about: str, embedded: bool) -> str:
    """The page of one tuning job: its loss by step."""
    values = {**frame("text", f"training of {job}", embedded=embedded), "about": about, "nav": []}
    return render("training.html.j2", {**values, "curve": loss_by_step(losses, job)})


def frame(unit: str, title: str, *, embedded: bool) -> dict[str, Any]:
    """What every page shows."""
    return {"unit": unit, "units": plural(unit), "title": title, "note": BACKEND_NOTES["embedded"] if embedded else ""}


def _cases(run: RunFolder) -> dict[str, Any]:
    failing = next((line.variant for line in limit_lines(run) if line.state in ("failed", "unanswered")), "")
    start = {"variant": failing, "outcome": "not right"} if failing else {}
    return {"packed": pack_cases(run, start=start), "has_posts": bool(run.posts)}
