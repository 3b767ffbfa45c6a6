"""The sections of a run's page, one function each: a `RunFolder` in, markup out. Computes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import Any

from ...results.run_folder import RunFolder
from .heatmap import class_scores, confusion
from .markup import badge, details, figure, number, percent, points, section, span, table
from .svg import Row, dot_plot

_TICKS = [(x / 100, f"{x}%") for x in range(0, 101, 20)]
_MAX_FLIPS = 200


def summary(run: RunFolder) -> str:
    """The verdict in one line, then every gate with its numbers and rule."""
    gates = run.gates["gates"]
    found = Counter(finding_of(gate) or "not decided" for gate in gates)
    words = ", ".join(f"{count} {name}" for name, count in found.items())
    if not gates:
        state, text = "UNSURE", "No gate is set for these variants, so nothing was decided."
    elif run.shard:
        state, text = "UNSURE", f"Shard {run.shard}: newsgauge merge decides the {len(gates)} gates."
    elif found["FAIL"]:
        state, text = "FAIL", f"{found['FAIL']} of {len(gates)} gates failed ({words})."
    elif not run.gates.get("complete") or set(found) != {"PASS"}:
        state, text = "UNSURE", f"Not every gate passed, none failed ({words})."
    else:
        state, text = "PASS", f"All {len(gates)} gates passed."
    not_run = run.gates.get("n_cases_not_run", 0)
    if not_run:
        text += f" {not_run:,} planned cases did not run."
        recomputed = sum(result.origin == "gate" for result in run.results)
        if recomputed:
            text += f" What {recomputed:,} of them answer was computed from the recordings."
    body = f'<p class="verdict {state}">{text}</p>'
    passed = [gate for gate in gates if finding_of(gate) == "PASS"]
    rest = [gate for gate in gates if finding_of(gate) != "PASS"]
    listed = _gates(f"{len(rest)} that did not pass", rest) + _gates(f"{len(passed)} that passed", passed)
    return section("summary", "Verdicts", body, listed)


def finding_of(gate: Mapping[str, Any]) -> str | None:
    """PASS, FAIL, INCONCLUSIVE, or None where the gate was not decided."""
    finding = gate.get("finding")
    return str(finding) if finding else None


def accuracy(run: RunFolder) -> str:
    """Dot plot and table: accuracy with its interval, closed-set accuracy, macro-F1, what became of the cases."""
    rows = [
        Row(name, score["accuracy"], *_interval(score), f"{percent(score['accuracy'])} of {score['n']:,}")
        for name, score in run.scores.items()
    ]
    said = "; ".join(f"{row.name} {row.text}" for row in rows)
    clustered = any(score.get("thread_clustered_95") for score in run.scores.values())
    method = "clustered by thread" if clustered else "Wilson's"
    picture = figure(
        dot_plot(rows, low=0, high=1, ticks=_TICKS, label=f"Accuracy by variant: {said}"),
        f"Accuracy: the answer is the label, letter for letter. Lines: 95% intervals, {method}.",
    )
    kinds = ("right", "wrong", "off_list", "blocked", "cut", "empty", "broken", "missing")
    names = [kind.replace("_", "-") for kind in kinds[:-1]] + ["not run"]
    rates = [
        (
            escape(name),
            f"{score['n']:,}",
            percent(score["accuracy"], 2),
            span(_interval(score)),
            percent(score.get("closed_set_accuracy"), 2),
            number(score["macro_f1"], 4),
            *(f"{score['answers'].get(kind, 0):,}" for kind in kinds),
        )
        for name, score in run.scores.items()
    ]
    head = ("variant", "n", "accuracy", "95% interval", "closed-set", "macro-F1", *names)
    caption = "closed-set: accuracy if near misses that extend the right label counted"
    return section("accuracy", "Accuracy", picture, table(head, rates, caption=caption))


def matrices(run: RunFolder) -> str:
    """One heatmap a variant, the best one open."""
    best = max(run.scores, key=lambda name: run.scores[name]["accuracy"] or 0, default="")
    parts = [
        details(
            f"{escape(name)}: {score['n_correct']:,} of {score['n']:,} right",
            confusion(name, score["confusion"], [one["label"] for one in score["classes"]]),
            is_open=name == best,
        )
        for name, score in run.scores.items()
    ]
    note = "<p>Right answers lie on the diagonal, in blue. A number leads to its cases in the table below.</p>"
    return section("confusion", "What is taken for what", note, *parts)


def classes(run: RunFolder) -> str:
    """F1 by class and variant."""
    return section("classes", "By class", class_scores(run.scores))


def comparisons(run: RunFolder) -> str:
    """Every pair of variants on the same posts."""
    if not run.comparisons:
        return section("pairs", "Variant against variant", "<p>No two variants have an answer to every post.</p>")
    return section("pairs", "Variant against variant", comparison_chart(run.comparisons))


def comparison_chart(found: tuple[Mapping[str, Any], ...]) -> str:
    """Differences with intervals, drawn and in numbers."""
    rows = [
        Row(
            _pair(one),
            one["difference"],
            one["tango_95"][0],
            one["tango_95"][1],
            f"{points(one['difference'])} points",
        )
        for one in found
    ]
    ticks = [(x / 100, f"{x:+d}" if x else "0") for x in range(-100, 101, 50)]
    picture = figure(
        dot_plot(rows, low=-1, high=1, ticks=ticks, label="; ".join(f"{row.name}: {row.text}" for row in rows)),
        "Difference in accuracy on the same posts, in percentage points, with Tango's 95% intervals. "
        "Right of 0, the first is better.",
    )
    lines = [
        (
            escape(_pair(one)),
            f"{one['n']:,}",
            points(one["difference"]),
            f"[{points(one['tango_95'][0])}, {points(one['tango_95'][1])}]",
            f"{one['n_both']:,}",
            f"{one['n_gained']:,}",
            f"{one['n_lost']:,}",
            f"{one['mcnemar_two_sided_p']:.2g}",
        )
        for one in found
    ]
    head = ("first – second", "n", "points", "95% interval", "both right", "only first", "only second", "p")
    caption = "p: exact McNemar, two-sided, not corrected for the number of pairs"
    return picture + table(head, lines, caption=caption)


def cases(run: RunFolder, packed: str) -> str:
    """The table of all cases; script.js fills it."""
    search = "search id, answer" + (", text" if run.posts else "")
    controls = (
        f'<label>{search}<input type="search" id="filter-find"></label>'
        + "".join(
            f'<label>{name}<select id="filter-{name}"><option value="">all</option></select></label>'
            for name in ("variant", "label", "outcome", "answer")
        )
        + '<button type="button" id="filter-clear">show all</button>'
    )
    columns = (
        *(("id", "post"), ("variant", "variant"), ("label", "label"), ("answer", "answer")),
        *(("outcome", "outcome"), ("input", "tokens in"), ("output", "out")),
    )
    head = "".join(
        f'<th scope="col" aria-sort="none"{"" if by in ("input", "output") else " class=left"}>'
        f'<button type="button" data-by="{by}">{name}</button></th>'
        for by, name in columns
    )
    shown = (
        "Open a row to read the post."
        if run.posts
        else "The texts of the posts are not part of this report; answers outside the list are cut to 40 characters."
    )
    return section(
        "all-cases",
        "All cases",
        f"<p>{shown}</p>",
        f'<div class="controls" id="case-controls" hidden>{controls}</div>',
        '<p id="case-status" role="status" aria-live="polite">'
        "The table needs JavaScript; results.csv holds the same rows.</p>",
        '<div class="scroll" tabindex="0" role="region" aria-label="all cases"><table id="cases">'
        f"<thead><tr>{head}</tr></thead><tbody></tbody></table></div>",
        '<div class="pager"><button type="button" id="page-back" disabled>back</button>'
        '<button type="button" id="page-on" disabled>on</button></div>',
        f'<script type="text/plain" id="case-data">{packed}</script>',
    )


def _gates(title: str, gates: list[Mapping[str, Any]]) -> str:
    items = "".join(f"<li>{_gate(gate)}</li>" for gate in gates)
    return details(title, f'<ul class="plain">{items}</ul>', is_open=True) if gates else ""


def _gate(gate: Mapping[str, Any]) -> str:
    reasons = "".join(f"<p>{escape(reason)}</p>" for reason in gate.get("reasons", ()))
    flips = list(gate.get("flips") or ())
    more = f"<p>and {len(flips) - _MAX_FLIPS} more, in gates.json</p>" if len(flips) > _MAX_FLIPS else ""
    listed = "".join(f"<li>{escape(flip)}</li>" for flip in flips[:_MAX_FLIPS])
    folded = (
        details("1 post" if len(flips) == 1 else f"{len(flips)} posts", f"<ul>{listed}</ul>{more}") if flips else ""
    )
    return f"{badge(finding_of(gate))} <strong>{escape(str(gate['gate']))}</strong>{reasons}{folded}"


def _pair(one: Mapping[str, Any]) -> str:
    return str(one.get("name", f"{one['first']} – {one['second']}"))


def _interval(score: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = score.get("thread_clustered_95") or score["wilson_95"]
    return low, high
