"""Renders the page of a run, and of a training: gathers the values that the templates show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._util.numbers import dollars, number, percent, points, span
from ..._util.wording import count_of, plural
from ...records import shown_id
from ...results.run_folder import RunFolder, interval_95
from ..findings import headline, limit_lines, variant_state
from ..next_steps import next_steps
from ..terminal import BACKEND_NOTES, is_embedded
from .accuracy import accuracy_sections
from .blocks import PERCENT, Block, Column, Fold, Listed, Section, Text, table
from .cases import pack_cases
from .curves import loss_by_step
from .environment import render
from .tokens import accuracy_by_cost, token_section

#: These two have templates of their own: the first screen, and the table that script.js fills.
_FIRST = (Section("summary", "Verdict", "Verdict", ()), Section("all-cases", "Cases", "Cases", ()))


def render_run(run: RunFolder) -> str:
    """The page of one run."""
    backend = str(run.run["backend"])
    found = [*accuracy_sections(run), token_section(run), _suspect_labels(run), _provenance(run)]
    sections = [section for section in found if section.blocks]
    values = {
        **frame(run.unit, f"{run.texts}, {backend} backend", embedded=is_embedded(backend, run.model_versions)),
        "about": f"{run.posts_in_words}, {count_of(len(run.variants), 'variant')}, plan {run.run['plan']}",
        "nav": [*_FIRST, *sections],
        "sections": sections,
        **_overview(run),
    }
    return render("run.html.j2", values)


def render_training(losses: Sequence[Mapping[str, Any]], *, job: str, about: str, embedded: bool) -> str:
    """The page of one tuning job: its loss by step."""
    section = Section("loss", "Loss", "How the model learned", loss_by_step(losses, job))
    values = {**frame("text", f"training of {job}", embedded=embedded), "about": about, "nav": []}
    return render("page.html.j2", {**values, "sections": [section]})


def frame(unit: str, title: str, *, embedded: bool) -> dict[str, Any]:
    """The values that every page needs."""
    return {"unit": unit, "units": plural(unit), "title": title, "note": BACKEND_NOTES["embedded"] if embedded else ""}


def _overview(run: RunFolder) -> dict[str, Any]:
    """The first screen: the verdict, one row per variant, what to do, the limits that did not hold; then the cases."""
    limits = limit_lines(run)
    is_priced = any(run.cost_per_1000(name) is not None for name in run.scores)
    missed = [line for line in limits if line.state != "passed"]
    failing = next((line.variant for line in limits if line.state in ("failed", "unanswered")), "")
    return {
        "headline": headline(run.gates),
        "n_recomputed": sum(result.origin == "gate" for result in run.results),
        "axis": PERCENT,
        "variants": [
            {
                "name": name,
                "score": score,
                "accuracy": percent(score["accuracy"]),
                "interval": interval_95(score),
                "span": span(interval_95(score)),
                "held": held,
                "change": points(held["difference"]) if held else "",
                "cost": dollars(run.cost_per_1000(name)) if is_priced else number(run.tokens_per_post(name)),
                "state": variant_state(run, name),
            }
            for name, score in run.scores.items()
            for held in [run.baseline.get("variants", {}).get(name)]
        ],
        "cost_head": f"1,000 {plural(run.unit)} cost" if is_priced else f"tokens per {run.unit}",
        "has_baseline": bool(run.baseline),
        "steps": next_steps(run),
        "missed": missed,
        "passed": [line for line in limits if line.state == "passed"],
        "passed_gates": len({line.gate for line in limits}) - len({line.gate for line in missed}),
        "trade_off": accuracy_by_cost(run),
        "packed": pack_cases(run, start={"variant": failing, "outcome": "not right"} if failing else {}),
        "has_posts": bool(run.posts),
    }


def _suspect_labels(run: RunFolder) -> Section:
    """Texts under two labels, as the run left them."""
    found = run.exhibits.get("suspect_labels", {}).get("texts", ())
    columns: list[Column] = [
        ("they are", lambda one: "the same" if one["exact"] else "nearly the same"),
        ("labels", lambda one: ", ".join(dict.fromkeys(label for _, label, _ in one["posts"]))),
        ("texts", lambda one: ", ".join(f"{shown_id(post_id)} ({split})" for post_id, _, split in one["posts"])),
    ]
    n_exact = sum(bool(one["exact"]) for one in found)
    caption = (
        f"Texts of the corpus that appear under two labels: {n_exact:,}; nearly the same texts under two "
        f"labels: {len(found) - n_exact:,}. If one of the labels is wrong, no model can answer all of them right."
    )
    listed = Fold("List of them", [table("suspect labels", columns, found, left=3)])
    return Section("suspect", "Suspect labels", "Suspect labels", [Text(caption), listed] if found else [])


def _provenance(run: RunFolder) -> Section:
    """The run, who answered, and the file and method behind each number."""
    units = plural(run.unit)
    about = {
        **{key: value for key, value in run.run.items() if key != "variants"},
        **run.made_by,
        **(run.tokens or {}).get("made", {}),
    }
    names = {"n_posts": units, "posts_per_class": f"{units} per class"}
    held = ["change since the baseline"] if run.baseline else []
    pairs: dict[str, tuple[tuple[str, str], Mapping[str, object]]] = {
        "the run": (("the run", "value"), {names.get(key, key.replace("_", " ")): about[key] for key in about}),
        "who answered": (
            ("variant", "answered by"),
            {name: ", ".join(one.get("model_versions", ())) or "nobody answered" for name, one in run.scores.items()},
        ),
        "training sets": (("variant", "trained on"), run.trained_on),
        "files and methods": (
            ("number", "file and method"),
            {
                "verdicts": "gates.json",
                "accuracy, closed-set, F1, confusion, pairs": "scoreboard.json; rates over answered cases, "
                "denominators of the plan",
                "accuracy interval": "Wilson (1927), by thread where threads repeat: docs/statistics.md",
                "interval of a difference": "Tango's score interval; p: exact McNemar: docs/statistics.md",
                "tokens, savings, cost": "tokens.json, from the usage metadata of each answer; Student's t; "
                "prices.toml",
                **dict.fromkeys(held, "baseline.json, against the reviewed answers"),
                **{name.replace("_", " "): f"{name}.json, left by an eval of the run" for name in run.exhibits},
                "cases": "results.csv",
            },
        ),
    }
    blocks: list[Block] = [
        table(name, [(heads[0], lambda row: row[0]), (heads[1], lambda row: str(row[1]))], values.items(), left=2)
        for name, (heads, values) in pairs.items()
        if values
    ]
    for name, parts in run.prompts.items():
        terms, texts = zip(*parts, strict=True) if parts else ((), ())
        blocks.append(Fold(f"prompt of {name}", [Listed(texts, terms)]))
    return Section("provenance", "Provenance", "Where every number comes from", blocks)
