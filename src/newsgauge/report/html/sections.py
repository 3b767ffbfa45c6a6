"""The other sections of a run's page, one function each: a `RunFolder` in, what the template shows out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._util.wording import plural
from ...records import shown_id
from ...results.run_folder import RunFolder, interval_95
from ..numbers import number, p_value, percent, points, points_span, span
from ..terminal import KINDS
from .charts import Chart, Row, chart
from .curves import PERCENT_TICKS
from .environment import cases_link
from .tables import Cell, Link, Table


def accuracy_values(run: RunFolder) -> dict[str, Any]:
    """Accuracy with its interval, drawn; closed-set accuracy, macro-F1 and what became of the cases in a table."""
    rows = [
        Row(name, score["accuracy"], *interval_95(score), f"{percent(score['accuracy'])} of {score['n']:,}")
        for name, score in run.scores.items()
    ]
    said = "; ".join(f"{row.name} {row.text}" for row in rows)
    clustered = any(score.get("thread_clustered_95") for score in run.scores.values())
    method = "clustered by thread" if clustered else "Wilson's"
    names = [kind.replace("_", "-") for kind in KINDS[:-1]] + ["not run"]
    cells = [
        (
            name,
            f"{score['n']:,}",
            percent(score["accuracy"]),
            span(interval_95(score)),
            percent(score.get("closed_set_accuracy")),
            number(score["macro_f1"], 3),
            *(f"{score['answers'].get(kind, 0):,}" for kind in KINDS),
        )
        for name, score in run.scores.items()
    ]
    head = ["variant", "n", "accuracy", "95% interval", "closed-set", "macro-F1", *names]
    mixes = [score.get("own_mix") for score in run.scores.values()]
    if any(mixes):
        head[4:4] = ["in the data's mix", "95% interval"]
        cells = [
            (*row[:4], *((percent(mix["accuracy"]), span(mix["interval_95"])) if mix else ("–", "–")), *row[4:])
            for row, mix in zip(cells, mixes, strict=True)
        ]
    for name, score in run.scores.items():
        if parts := score.get("trained_threads"):
            texts = [f"{percent(one['accuracy'])} {span(one['interval_95'])} of {one['n']:,}" for one in parts.values()]
            method += f". {name}: {texts[0]} posts whose thread it was trained on, {texts[1]} others"
    return {
        "chart": chart(rows, high=1, ticks=PERCENT_TICKS, label=f"Accuracy by variant: {said}"),
        "caption": f"Accuracy: the answer is the label, letter for letter. Lines: 95% intervals, {method}.",
        "table": Table(
            "accuracy",
            head,
            cells,
            "closed-set: accuracy if near misses that extend the right label counted"
            + (
                "; in the data's mix: accuracy if each label counts as often as the corpus has it" if any(mixes) else ""
            ),
        ),
    }


def suspect_labels(run: RunFolder) -> dict[str, Any]:
    """Texts under two labels, as the run left them; empty if there is none."""
    found = run.exhibits.get("suspect_labels", {}).get("texts", ())
    if not found:
        return {}
    rows = [
        (
            "the same" if one["exact"] else "nearly the same",
            ", ".join(dict.fromkeys(label for _, label, _ in one["posts"])),
            ", ".join(f"{shown_id(post_id)} ({split})" for post_id, _, split in one["posts"]),
        )
        for one in found
    ]
    n_exact = sum(bool(one["exact"]) for one in found)
    return {
        "caption": f"Texts of the corpus that stand under two labels: {n_exact:,}; nearly the same texts under two "
        f"labels: {len(rows) - n_exact:,}. If one of the labels is wrong, no model can answer all of them right.",
        "table": Table("suspect labels", ("texts", "labels", "posts"), rows, left=3),
    }


def pair_chart(found: Iterable[Mapping[str, Any]]) -> Chart:
    """Differences of accuracy with intervals, first less second."""
    rows = [
        Row(
            pair_name(one),
            one["difference"],
            one["tango_95"][0],
            one["tango_95"][1],
            f"{points(one['difference'])} points",
        )
        for one in found
    ]
    ticks = [(x / 100, f"{x:+d}".replace("-", "−") if x else "0") for x in range(-100, 101, 50)]
    return chart(rows, low=-1, high=1, ticks=ticks, label="; ".join(f"{row.name}: {row.text}" for row in rows))


def pair_table(found: Iterable[Mapping[str, Any]]) -> Table:
    """The same in numbers."""
    rows: list[tuple[Cell, ...]] = [
        (
            pair_name(one),
            f"{one['n']:,}",
            points(one["difference"]),
            points_span(one["tango_95"]),
            _pair_cases(one["n_both"], one, right=f"{one['first']} {one['second']}"),
            _pair_cases(one["n_gained"], one, right=one["first"], wrong=one["second"]),
            _pair_cases(one["n_lost"], one, right=one["second"], wrong=one["first"]),
            p_value(one["mcnemar_two_sided_p"]),
        )
        for one in found
    ]
    head = ("first – second", "n", "points", "95% interval", "both right", "only first", "only second", "p")
    return Table("pairs", head, rows, "p: exact McNemar, two-sided, not corrected for the number of pairs")


def _pair_cases(n: int, one: Mapping[str, Any], **filters: str) -> Cell:
    """A count that leads to its cases."""
    return Link(f"{n:,}", cases_link({"variant": one["first"], **filters})) if n else "0"


def pair_name(one: Mapping[str, Any]) -> str:
    """What is compared: the variant of two runs, or two variants of one."""
    return str(one.get("name", f"{one['first']} – {one['second']}"))


def provenance_values(run: RunFolder) -> list[Table]:
    """The run, who answered, and the file and method behind each number."""
    about = {key: value for key, value in run.run.items() if key != "variants"}
    made = dict((run.tokens or {}).get("made", {}))
    names = {"n_posts": plural(run.unit), "posts_per_class": f"{plural(run.unit)} per class"}
    facts = [
        (names.get(key, key.replace("_", " ")), str(value)) for key, value in {**about, **run.made_by, **made}.items()
    ]
    models = [
        (name, ", ".join(score.get("model_versions", ())) or "nobody answered") for name, score in run.scores.items()
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
        *([("change since the baseline", "baseline.json, against the reviewed answers")] if run.baseline else []),
        *((name.replace("_", " "), f"{name}.json, left by an eval of the run") for name in run.exhibits),
        ("cases", "results.csv"),
    ]
    return [
        Table("the run", ("the run", "value"), facts, left=2),
        Table("who answered", ("variant", "answered by"), models, left=2),
        *(
            [Table("training sets", ("variant", "trained on"), list(run.trained_on.items()), left=2)]
            if run.trained_on
            else []
        ),
        Table("files and methods", ("number", "file and method"), files, left=2),
    ]
