"""The sections of a run's page about accuracy, by variant, slice, confidence, class and pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..._util.numbers import number, p_value, percent, points, points_span, span
from ..._util.wording import plural
from ...results.run_folder import RunFolder, interval_95
from ...scoring.stats.classification import ERROR_COLUMN, OFF_LIST_COLUMN
from ...scoring.stats.intervals import wilson_interval
from ..terminal import KINDS
from .blocks import (
    ACCURACY,
    PERCENT,
    RATE,
    Block,
    Cell,
    Chart,
    Column,
    Fold,
    Link,
    Matrix,
    Plot,
    Point,
    Section,
    Shaded,
    Table,
    Text,
    count,
    of,
    points_axis,
    rate_point,
    table,
)
from .curves import curves
from .environment import cases_link
from .repeats import open_one, repeats_section


def accuracy_sections(run: RunFolder) -> list[Section]:
    """The sections, in the order in which the page shows them."""
    confusion = {
        name: Fold(f"{name}: {score['n_correct']:,} of {score['n']:,} right", [confusion_matrix(name, score, run.unit)])
        for name, score in run.scores.items()
    }
    units = plural(run.unit)
    disturbed = [one for one in run.comparisons if "+" in one["first"]]
    others = [one for one in run.comparisons if "+" not in one["first"]]
    pairs: list[Block] = [pair_chart(others, units, better="the first"), _pair_table("pairs", others)]
    cost: list[Block] = [
        pair_chart(disturbed, units, better="the disturbed text"),
        _pair_table("disturbances", disturbed),
    ]
    hint = Text("Right answers lie on the diagonal, in blue. A number leads to its cases.")
    return [
        Section("accuracy", "Accuracy", "Accuracy", _by_variant(run)),
        repeats_section(run),
        Section("slices", "Slices", "Accuracy by slices of the texts", _folded(run, "slices", _slices)),
        Section("confidence", "Confidence", "Confidence of the answers", _folded(run, "confidence", _confidence)),
        Section("confusion", "Confusion", "Confusion matrices", [hint, *open_one(run, confusion)]),
        Section("classes", "Classes", "By class", [class_scores(run)]),
        Section(
            "pairs",
            "Pairs",
            "Variant against variant",
            pairs if others else [Text(f"No two variants have an answer to every {run.unit}.")],
        ),
        Section("disturbances", "Disturbances", "What disturbances of the texts cost", cost if disturbed else []),
        Section("learning", "Learning", "How the tuned model learned", curves(run)),
    ]


def _by_variant(run: RunFolder) -> list[Block]:
    rows = [{**score, "variant": name, "interval_95": interval_95(score)} for name, score in run.scores.items()]
    is_clustered = any(row.get("thread_clustered_95") for row in rows)
    method = "clustered by thread" if is_clustered else "Wilson's"
    if any(row.get("after_stopping_95") for row in rows):
        method += "; of a recording that stopped when decided: repeated confidence intervals, valid after stopping"
    for row in rows:
        if parts := row.get("trained_threads"):
            part = parts.values()
            known, new = (f"{percent(one['accuracy'])} {span(one['interval_95'])} of {one['n']:,}" for one in part)
            method += f". {row['variant']}: {known} texts whose thread it was trained on, {new} others"
    columns: list[Column] = [("variant", of("variant")), ("n", of("n", count)), *RATE]
    caption = "closed-set: accuracy if near misses that extend the right label counted"
    if any(row.get("own_mix") for row in rows):
        columns += [
            ("in the data's mix", lambda row: percent((row.get("own_mix") or {}).get("accuracy"))),
            ("95% interval", lambda row: span((row.get("own_mix") or {}).get("interval_95"))),
        ]
        caption += "; in the data's mix: accuracy if each label counts as often as the corpus has it"
    columns += [
        ("closed-set", of("closed_set_accuracy", percent)),
        ("macro-F1", of("macro_f1", lambda value: number(value, 3))),
        *((kind.replace("_", "-"), partial(_answers, kind)) for kind in KINDS[:-1]),
        ("not run", partial(_answers, KINDS[-1])),
    ]
    return [
        Chart(
            "Accuracy by variant",
            [rate_point(row, row["interval_95"], row["variant"]) for row in rows],
            PERCENT,
            f"Accuracy: the answer is the label, letter for letter. Lines: 95% intervals, {method}.",
        ),
        table("accuracy", columns, rows, caption),
    ]


def _answers(kind: str, row: Mapping[str, Any]) -> str:
    return count(row["answers"].get(kind))


def _folded(run: RunFolder, key: str, describe: Any) -> list[Fold]:
    """One fold per variant that has this score."""
    return open_one(run, {name: describe(name, score[key]) for name, score in run.scores.items() if score.get(key)})


def _slices(variant: str, slices: list[dict[str, Any]]) -> Fold:
    def name(one: Mapping[str, Any]) -> str:
        return f"{one['slicing']}:{one['slice']}"

    drawn = Chart(
        f"Accuracy of {variant} by slice",
        [rate_point(one, one["interval_95"], name(one)) for one in slices],
        PERCENT,
        "Accuracy of each slice of the texts. Lines: Wilson's 95% intervals, by thread if threads repeat.",
    )
    columns: list[Column] = [("slice", name), ("texts", of("n", count)), ("right", of("n_correct", count)), *RATE]
    return Fold(variant, [drawn, table(f"slices of {variant}", columns, slices)])


def _confidence(variant: str, found: Mapping[str, Any]) -> Fold:
    """Reliability diagram and risk-coverage curve."""
    bins = [
        Point(
            f"confidence {percent(one['mean_confidence'])}: {one['n_correct']} of {one['n']} right",
            one["n_correct"] / one["n"],
            wilson_interval(one["n_correct"], one["n"]),
            x=one["mean_confidence"],
        )
        for one in found["bins"]
    ]
    curve = [
        Point(f"{percent(share)} answered: {percent(right)} right", right, x=share) for share, right in found["curve"]
    ]
    plots = [
        Plot(
            f"Reliability of {variant}",
            bins,
            replace(PERCENT, name="mean confidence"),
            ACCURACY,
            "Reliability: accuracy of the answers in each tenth of confidence. "
            "Vertical lines: Wilson's 95% intervals. Calibrated answers lie on the dashed diagonal.",
            diagonal=True,
        ),
        Plot(
            f"Risk and coverage of {variant}",
            curve,
            replace(PERCENT, name="share of the texts answered"),
            ACCURACY,
            "Risk and coverage: accuracy if only the most confident share of the texts is answered.",
            said="; ".join(point.text for point in curve[:: max(1, len(curve) // 5)]),
        ),
    ]
    return Fold(f"{variant}: expected calibration error {number(found['error'], 3)}", plots)


def confusion_matrix(variant: str, score: Mapping[str, Any], unit: str) -> Matrix:
    """True labels down, answers across; shaded by share of the row."""
    special = {OFF_LIST_COLUMN: "off-list", ERROR_COLUMN: "error"}

    def cell(label: str, column: str, n: int, total: int) -> Shaded:
        if not n:
            return Shaded("·", words="0")
        answered = {"outcome": special[column]} if column in special else {"answer": column}
        words = f"{n} of {total} {plural(unit)} of {label}: {column}"
        return Shaded(f"{n:,}", n / total, words, column != label, {"variant": variant, "label": label, **answered})

    columns = score["confusion"]["columns"]
    rows = [
        (one["label"], [cell(one["label"], column, n, sum(counts)) for column, n in zip(columns, counts, strict=True)])
        for one, counts in zip(score["classes"], score["confusion"]["rows"], strict=True)
    ]
    caption = f"rows: the label a {unit} has; columns: what {variant} answered; shade: share of the row"
    return Matrix(f"confusion matrix of {variant}", caption, columns, rows)


def class_scores(run: RunFolder) -> Matrix:
    """F1 of each class and variant, shaded by its value."""
    by_label: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, score in run.scores.items():
        for one in score["classes"]:
            by_label.setdefault(one["label"], {})[name] = one

    def cell(variant: str, label: str, one: Mapping[str, Any] | None) -> Shaded:
        if one is None:
            return Shaded("–")
        f1, rates = number(one["f1"], 2), f"precision {percent(one['precision'])}, recall {percent(one['recall'])}"
        filters = {"variant": variant, "label": label}
        return Shaded(f1, one["f1"] or 0.0, f"{f1} for {label}, {variant}: {rates}", filters=filters)

    rows = [
        (
            label,
            [
                Shaded(count(max(int(one["support"]) for one in entries.values()))),
                *(cell(name, label, entries.get(name)) for name in run.scores),
            ],
        )
        for label, entries in by_label.items()
    ]
    macro = [Shaded(number(score["macro_f1"], 2), score["macro_f1"] or 0.0) for score in run.scores.values()]
    caption = (
        "F1 of each class, from 0 to 1; a dash: it cannot be computed, as no answer names the class. "
        "A number leads to its cases."
    )
    rows.append(("macro-F1", [Shaded(""), *macro]))
    return Matrix("F1 by class", caption, (plural(run.unit), *run.scores), rows, upright=True)


def pair_chart(found: Iterable[Mapping[str, Any]], units: str, *, better: str) -> Chart:
    """Differences of accuracy with intervals, first less second."""
    rows = [
        Point(f"{points(one['difference'])} points", one["difference"], one["tango_95"], _pair_name(one))
        for one in found
    ]
    reach = [end for row in rows for end in (row.value, *row.interval) if end is not None]
    caption = (
        f"Difference in accuracy on the same {units}, in percentage points, with Tango's 95% intervals. "
        f"Right of 0, {better} is better."
    )
    return Chart("Difference in accuracy", rows, points_axis(reach), caption)


def _pair_name(one: Mapping[str, Any]) -> str:
    """What is compared: the variant of two runs, or two variants of one."""
    return str(one.get("name", f"{one['first']} – {one['second']}"))


def _pair_table(name: str, found: Iterable[Mapping[str, Any]]) -> Table:
    def cases(n: int, one: Mapping[str, Any], **filters: str) -> Cell:
        return Link(f"{n:,}", cases_link({"variant": one["first"], **filters})) if n else "0"

    columns: list[Column] = [
        ("first – second", _pair_name),
        ("n", of("n", count)),
        ("points", of("difference", points)),
        ("95% interval", of("tango_95", points_span)),
        ("both right", lambda one: cases(one["n_both"], one, right=f"{one['first']} {one['second']}")),
        ("only first", lambda one: cases(one["n_gained"], one, right=one["first"], wrong=one["second"])),
        ("only second", lambda one: cases(one["n_lost"], one, right=one["second"], wrong=one["first"])),
        ("p", of("mcnemar_two_sided_p", p_value)),
    ]
    return table(name, columns, found, "p: exact McNemar, two-sided, not corrected for the number of pairs")
