"""Scores, gates and comparisons as plain text that fits 100 columns. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .._util.numbers import NONE, in_unit, number, percent, span
from .._util.wording import one_line
from ..records import ELSEWHERE, EMBEDDED_VERSION, shown_id
from ..scoring.scores import CheckState, Flip, Score, Verdict

BACKEND_NOTES = {
    "embedded": "newsgauge's own small model, not Gemini",
    "gemini": "Gemini Developer API",
    "vertex": "Gemini on Enterprise/Vertex",
    ELSEWHERE: "predictions made elsewhere",
}
#: How a finding is written in the terminal, and in which order: what matters most is nearest to the prompt.
WORDS: dict[CheckState, str] = {
    "passed": "PASS",
    "not proved": "NOT PROVED",
    "unanswered": "UNANSWERED",
    "failed": "FAIL",
}
_ORDER = tuple(WORDS)
WIDTH = 100
MAX_FLIPS = 20
#: Parts of the output and of the input.
_PARTS = (("thinking", "thinking_tokens"), ("cached", "cached_tokens"), ("tool use", "tool_use_tokens"))
KINDS = ("right", "wrong", "off_list", "blocked", "cut", "empty", "broken", "missing")


def is_embedded(backend: str, model_versions: Iterable[str]) -> bool:
    """True if any answer says that the embedded model gave it: a base URL can point any backend at it."""
    return backend == "embedded" or any(version.startswith(EMBEDDED_VERSION) for version in model_versions)


def backend_note(backend: str, model_versions: Iterable[str]) -> str:
    """Who answered, in words."""
    return BACKEND_NOTES["embedded" if is_embedded(backend, model_versions) else backend]


def scoreboard_lines(
    scores: Mapping[str, Score],
    verdicts: Mapping[str, Verdict],
    *,
    undecided: Iterable[str],
    title: str,
    gates: bool = True,
    width: int = WIDTH,
) -> list[str]:
    """Two tables, one row per variant: accuracy, macro-F1, tokens and verdict; then the outcomes of the cases.

    Without ``gates`` there is no column of verdicts. A narrow terminal has fewer columns; report.html has all.
    """
    waiting = set(undecided)
    # Tokens that few models have get a column of their own if any are there.
    more = [(head, field) for head, field in _PARTS if any(getattr(score, field) for score in scores.values())]
    tokens_heads = ("tokens in", "out", *(head for head, _ in more))
    rows = [("variant", "n", "accuracy", "95% interval", "macro-F1", "errors", *tokens_heads, "verdict")]
    for name, score in scores.items():
        n = f"{score.n}" if score.complete else f"{score.n}/{score.n_planned}"
        word = verdict_word(name, verdicts.values(), waiting)
        fields = ("input_tokens", "output_tokens", *(field for _, field in more))
        is_told = not score.n or score.n_uncounted < score.n
        tokens = [f"{getattr(score, field):,}" if is_told else NONE for field in fields]
        rows.append((name, n, *_rates(score), str(score.n_errors), *tokens, word))
    spare = [*range(8, 8 + len(more)), *(rows[0].index(head) for head in ("errors", "out", "tokens in", "macro-F1"))]
    shown, left = (rows, (0, -1)) if gates else ([row[:-1] for row in rows], (0,))
    repeats = repeat_lines(scores)
    return [
        *textwrap.wrap(title, width),
        *table_lines(shown, left=left, width=width, spare=spare),
        *(line for note in _notes(scores) for line in textwrap.wrap(note, width)),
        "",
        *([*repeats, ""] if repeats else []),
        *answer_lines(scores, width),
    ]


def answer_lines(scores: Mapping[str, Score], width: int = WIDTH) -> list[str]:
    """The outcomes of the planned cases, and the accuracy if near misses counted."""
    heads = [kind.replace("_", "-") for kind in KINDS]
    cleaned = any(score.n_cleaned for score in scores.values())
    more = ("cleaned up",) if cleaned else ()
    rows: list[tuple[str, ...]] = [("answers", *heads[:-1], "not run", "closed-set", *more)]
    for name, score in scores.items():
        closed = percent(score.closed_set_accuracy) if score.n else "-"
        own = (str(score.n_cleaned),) if cleaned else ()
        rows.append((name, *(str(getattr(score.counts, kind)) for kind in KINDS), closed, *own))
    only_zeros = [column for column in range(1, len(KINDS)) if all(row[column] == "0" for row in rows[1:])]
    return table_lines(rows, left=(0,), width=width, spare=only_zeros)


def gate_lines(
    verdicts: Iterable[Verdict],
    undecided: Iterable[str],
    notes: Iterable[str] = (),
    *,
    width: int = WIDTH,
    brief: bool = False,
    told: Collection[str] = (),
) -> list[str]:
    """One paragraph per limit: its finding, its gate, what was measured, what is asked and why; what failed comes last.

    ``brief``: without those that passed. ``told``: details that the reader knows already.
    """
    lines = [line for gate in undecided for line in paragraph(f"----  {gate}: not decided in this run", width)]
    lines += [line for note in notes for line in paragraph(f"----  {note}", width)]
    known = set(told)
    for verdict in sorted(verdicts, key=lambda verdict: _ORDER.index(verdict.word)):
        if verdict.passed and brief:
            continue
        for text in _limit_texts(verdict, known):
            lines += paragraph(text, width)
        if not verdict.passed:
            lines += [line for flip in verdict.flips[:MAX_FLIPS] for line in paragraph(f"      {flip}", width)]
            if len(verdict.flips) > MAX_FLIPS:
                lines.append(f"      and {len(verdict.flips) - MAX_FLIPS} more, in gates.json")
    return lines


def _limit_texts(verdict: Verdict, told: set[str]) -> Iterator[str]:
    """The limits of a gate. A cause that several gates share, such as a changed prompt, is printed once (``told``)."""
    if not verdict.checks:
        yield f"{WORDS[verdict.word]}  {verdict.gate}: " + "; ".join(verdict.reasons)
    for check in sorted(verdict.checks, key=lambda check: _ORDER.index(check.state)):
        found = asdict(check)
        detail = check.detail if check.state != "passed" or check.value is None or check.unit == "points" else ""
        limit = "" if check.state == "unanswered" or "limit: " in detail else limit_words(found)
        if detail and check.state == "unanswered":
            detail = "" if detail in told else detail
            told.add(check.detail)
        parts = [part for part in (measured_words(found), limit and f"limit: {limit}", detail) if part]
        yield f"{WORDS[check.state]}  {verdict.gate}: {'; '.join(parts)}{f' ({check.why})' if check.why else ''}"


def measured_words(check: Mapping[str, Any]) -> str:
    """``accuracy 66.3% of 80``, ``78 of 80 answers are the baseline's``; what was not measured, or ''."""
    value, unit = check.get("value"), check.get("unit")
    if value is None or unit is None:
        return "" if check.get("limit") is None or unit == "cases" else f"{check['name']} was not measured"
    if unit == "cases":
        return f"{value:,.0f} of {check['n']:,} {check['name']}"
    n = {"rate": f" of {check['n']:,}", "days": ""}.get(unit, f", n = {check['n']:,}")
    return f"{check['name']} {in_unit(value, unit)}{n}"


def limit_words(check: Mapping[str, Any]) -> str:
    """``at least 80.0%``; empty if all of what was counted is asked for."""
    limit = check.get("limit")
    if limit is None or (check["unit"] == "cases" and limit == check["n"]):
        return ""
    return f"{check['sign']} {in_unit(limit, check['unit'], exact=True)}"


def verdict_word(variant: str, verdicts: Iterable[Verdict], undecided: set[str]) -> str:
    """The worst finding of a variant's gates; ``no gate`` if nobody set one."""
    own = [verdict.word for verdict in verdicts if verdict.variant == variant]
    worst = max(own, key=_ORDER.index, default=None)
    if variant in undecided and worst not in ("failed", "unanswered"):
        return "not decided"
    return "no gate" if worst is None else WORDS[worst]


def _rates(score: Score) -> tuple[str, str, str]:
    if not score.n:
        return "-", "-", "-"
    f1 = "-" if score.macro_f1 != score.macro_f1 else number(score.macro_f1, 3)
    return percent(score.accuracy), f"[{percent(score.low):>6}, {percent(score.high):>6}]", f1


def repeat_lines(scores: Mapping[str, Score]) -> list[str]:
    """How answers to the same post vary, one row per variant that asks more than once; empty if none does."""
    rows: list[tuple[str, ...]] = [("repeats", "k", "texts", "stable", "flip rate", "pass^k", "pass@k", "majority")]
    notes: list[str] = []
    for name, score in scores.items():
        if (found := score.repeats) is not None:
            shares = (found.stability, found.flip_rate, found.pass_all, found.pass_any, found.majority_accuracy)
            rows.append((name, str(found.k), str(found.n_posts), *map(percent, shares)))
            own, other = (number(100 * error, 1) for error in found.standard_errors)
            if found.n_posts > 1:
                more = (
                    f"{found.k * found.n_posts:,} answers of {name}: standard error {own} points; the same number to "
                )
                more += f"{found.k * found.n_posts:,} texts, each asked once: {other}"
                notes += textwrap.wrap(more, WIDTH)
            if found.unstable:
                notes += textwrap.wrap(f"least stable of {name}: {', '.join(map(shown_id, found.unstable))}", WIDTH)
    return [*table_lines(rows, left=(0,)), *notes] if len(rows) > 1 else []


def _notes(scores: Mapping[str, Score]) -> Iterator[str]:
    """Notes on the accuracies: threads, the data's own mix of labels, threads in training."""
    if threaded := [score for score in scores.values() if score.clustered is not None]:
        worth = ", ".join(f"{score.variant} {score.effective_n:.0f}" for score in threaded)
        what = "answers" if any(score.repeats for score in threaded) else "texts"
        yield (
            f"{threaded[0].n} {what} in {threaded[0].n_threads} independent groups (threads, repeats of a text): "
            f"intervals by group; effective sample size: {worth}"
        )
    if mixes := [(name, *score.own_mix) for name, score in scores.items() if score.own_mix is not None]:
        each = ", ".join(f"{name} {percent(rate)} {span(pair)}" for name, rate, pair in mixes)
        yield f"accuracy in the data's own mix of labels: {each}"
    if timed := [(name, one) for name, score in scores.items() if (one := score.latency) is not None]:
        each = "; ".join(f"{name} {one.words}" for name, one in timed)
        yield f"latency of live calls: {each}"
    for name, score in scores.items():
        if score.trained_threads is not None:
            known, new = (f"{percent(one.accuracy)} {span(one.interval)} of {one.n}" for one in score.trained_threads)
            yield f"threads in training: {name} {known} texts whose thread it was trained on, {new} others"


def paragraph(text: str, width: int = WIDTH) -> list[str]:
    """The text in lines, all but the first indented."""
    return textwrap.wrap(text, width, subsequent_indent="      ")


def flip_lines(lost: Iterable[Flip], gained: Iterable[Flip], *, more: str = "") -> list[str]:
    """``lost sci.space-7: was sci.space, now sci.med``, the first twenty; ``more`` says where the others are."""
    flips = [("lost", flip) for flip in lost] + [("gained", flip) for flip in gained]
    lines = [
        line
        for word, flip in flips[:MAX_FLIPS]
        for line in paragraph(
            f"  {word:6} {shown_id(flip.post_id)}: was {one_line(flip.second)}, now {one_line(flip.first)}"
        )
    ]
    return [*lines, f"  and {len(flips) - MAX_FLIPS} more{more}"] if len(flips) > MAX_FLIPS else lines


_GAP = "  "


def table_lines(
    rows: Sequence[tuple[str, ...]], *, left: Collection[int], width: int = WIDTH, spare: Iterable[int] = ()
) -> list[str]:
    """Format a table with a header row. Columns in ``left`` are aligned left (-1: the last); the first is cut to fit.

    ``spare``: columns to leave out, in this order, if the table is too wide.
    """
    kept = list(range(len(rows[0])))
    widths = [max(len(row[column]) for row in rows) for column in kept]
    for column in spare:
        if sum(widths[i] + len(_GAP) for i in kept) - len(_GAP) > width:
            kept.remove(column)
    rows, widths = [tuple(row[i] for i in kept) for row in rows], [widths[i] for i in kept]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    widths[0] = max(8, widths[0] - max(0, over))
    flush_left = {column % len(widths) for column in left}
    lines = []
    for i, row in enumerate(rows):
        first = row[0] if len(row[0]) <= widths[0] else row[0][: widths[0] - 2] + ".."
        cells = [
            cell.ljust(width) if column in flush_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip((first, *row[1:]), widths, strict=True))
        ]
        lines.append(_GAP.join(cells).rstrip())
        if i == 0:
            lines.append(_GAP.join("-" * width for width in widths))
    return lines
