"""The whole page: sections in a frame that can load nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from ...results.result_files import comparison_entry
from ...results.run_folder import RunFolder
from ...scoring.scores import Comparison, Flip
from ..terminal import BACKEND_NOTES, is_embedded
from . import sections
from .cases import clip, pack_cases
from .curves import learning
from .markup import section, table
from .token_sections import tokens

_HERE = Path(__file__).parent
#: The browser itself sees to it that the page asks nobody for anything.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_NAV = (
    *(("summary", "Verdicts"), ("accuracy", "Accuracy"), ("confusion", "Confusion"), ("classes", "Classes")),
    *(("pairs", "Pairs"), ("learning", "Learning"), ("tokens", "Tokens and cost"), ("all-cases", "All cases")),
    ("provenance", "Provenance"),
)


def render_run(run: RunFolder) -> str:
    """The page of one run."""
    backend, corpus = str(run.run["backend"]), str(run.run["corpus"])
    n_variants = f"{len(run.variants)} variant{'' if len(run.variants) == 1 else 's'}"
    curves = learning(run)
    parts = [
        sections.summary(run),
        sections.accuracy(run),
        sections.matrices(run),
        sections.classes(run),
        sections.comparisons(run),
        curves,
        tokens(run),
        sections.cases(run, pack_cases(run.results, run.variants, run.posts)),
        _provenance(run),
    ]
    return _page(
        f"{corpus}, {backend} backend",
        f"{run.posts_in_words}, {n_variants}, plan {run.run['plan']}",
        parts,
        nav=[(name, text) for name, text in _NAV if curves or name != "learning"],
        embedded=is_embedded(backend, run.model_versions),
    )


def render_comparison(first: RunFolder, second: RunFolder, found: tuple[Comparison, ...], notes: Iterable[str]) -> str:
    """The page of two runs: ``found`` is one comparison a variant, first less second."""
    chart = sections.comparison_chart(tuple({**comparison_entry(one), "name": one.first} for one in found))
    rows = [
        tuple(escape(cell) for cell in (one.first, flip.post_id, flip.label, *_answers(flip, first, second), right))
        for one in found
        for right, flips in (("first", one.gained), ("second", one.lost))
        for flip in flips
    ]
    head = ("variant", "post", "label", "first answered", "second answered", "right")
    both = [
        (name, *(escape(str(run.run[key])) for run in (first, second)))
        for name, key in (("backend", "backend"), ("corpus", "corpus"), ("plan", "plan"), ("posts", "n_posts"))
    ]
    listed = table(head, rows, left=6) if rows else "<p>No post is right in one and wrong in the other.</p>"
    about = table(("", f"first: {escape(str(first.path))}", f"second: {escape(str(second.path))}"), both, left=3)
    said = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    parts = [
        section("runs", "The runs", about, said),
        section("pairs", "First less second, on the same posts", chart),
        section("flips", "Posts that exactly one has right", listed),
    ]
    embedded = any(is_embedded(str(one.run["backend"]), one.model_versions) for one in (first, second))
    return _page("two runs compared", f"{first.path} against {second.path}", parts, nav=(), embedded=embedded)


def _answers(flip: Flip, first: RunFolder, second: RunFolder) -> tuple[str, str]:
    """Both answers, cut where they may quote a post that is not to be shown."""
    return clip(flip.first, shown=bool(first.posts)), clip(flip.second, shown=bool(second.posts))


def _provenance(run: RunFolder) -> str:
    about = {key: value for key, value in run.run.items() if key != "variants"}
    made = dict((run.tokens or {}).get("made", {}))
    rows = [(escape(key), escape(str(value))) for key, value in {**about, **made}.items()]
    models = [
        (escape(name), escape(", ".join(score.get("model_versions", ())) or "nobody answered"))
        for name, score in run.scores.items()
    ]
    files = [
        ("verdicts", "gates.json"),
        (
            "accuracy, closed-set, F1, confusion, pairs",
            "scoreboard.json; rates over answered cases, denominators of the plan",
        ),
        ("accuracy interval", "Wilson (1927), by thread where threads repeat: docs/statistics.md"),
        ("interval of a difference", "Tango's score interval; p: exact McNemar: docs/statistics.md"),
        ("tokens, savings, cost", "tokens.json, from the usage metadata of each answer; Student's t; prices.toml"),
        *((name.replace("_", " "), f"{name}.json, left by an eval of the run") for name in run.exhibits),
        ("cases", "results.csv"),
    ]
    return section(
        "provenance",
        "Where every number comes from",
        table(("the run", ""), rows, left=2),
        table(("variant", "answered by"), models, left=2),
        table(("number", "file and method"), files, left=2),
    )


def _page(title: str, about: str, parts: Iterable[str], *, nav: Iterable[tuple[str, str]], embedded: bool) -> str:
    links = "".join(f'<li><a href="#{name}">{text}</a></li>' for name, text in nav)
    menu = f'<nav aria-label="sections"><ul>{links}</ul></nav>' if links else ""
    note = f'<p class="note">Answers of the embedded backend: {BACKEND_NOTES["embedded"]}.</p>' if embedded else ""
    style, script = ((_HERE / name).read_text("utf-8") for name in ("style.css", "script.js"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>newsgauge: {escape(title)}</title><style>\n{style}</style></head><body>"
        f'<header><h1>newsgauge: {escape(title)}</h1><p class="muted">{escape(about)}</p>{note}{menu}</header>'
        f"<main>{''.join(parts)}</main><footer>Written by newsgauge. This file loads nothing from anywhere.</footer>"
        f"<script>\n{script}</script></body></html>\n"
    )
