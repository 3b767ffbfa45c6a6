"""summary.md: verdicts and scoreboard for a pull request or $GITHUB_STEP_SUMMARY; annotations of failed gates.

A `RunFolder` in, Markdown or workflow commands out. Computes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .._util.numbers import dollars, number, percent
from .._util.wording import count_of, plural
from ..results.run_folder import RunFolder, interval_95
from .findings import LimitLine, headline, limit_lines, state_of, trade_off
from .terminal import backend_note

_MARKS = {"passed": "✅", "failed": "❌"}
_VERDICTS = {"green": "✅", "red": "❌", "open": "❔"}


def summary_markdown(run: RunFolder) -> str:
    """The verdict, a table of variants, the limits that were not held; those that were are folded."""
    backend = str(run.run["backend"])
    verdict = headline(run.gates)
    incomplete = " **incomplete**" if not run.gates.get("complete") and not run.shard else ""
    lines = [
        f"## newsgauge: {_cell(run.texts)}, {backend} backend",
        "",
        f"**{_VERDICTS[verdict.word]} {verdict.title}: {_cell(verdict.text)}**{incomplete}",
        *(f"- {_cell(line)}" for line in verdict.reasons if len(verdict.reasons) > 1),
        *(f"- note: {_cell(line)}" for line in verdict.notes),
        "",
        f"{backend_note(backend, run.model_versions)}; {run.posts_in_words}, plan `{run.run['plan']}`",
        "",
    ]
    tokens = {} if run.tokens is None else run.tokens["variants"]
    is_priced = any(use["cost"]["price"] for use in tokens.values())
    parts = [
        kind
        for kind in ("thinking", "cached", "tool_use")
        if any(use.get(kind, {}).get("mean") for use in tokens.values())
    ]
    more = [f" of it {kind.replace('_', ' ')} |" for kind in parts] + [f" $ for 1,000 {plural(run.unit)} |"] * is_priced
    lines += [
        f"| variant | n | accuracy | 95% interval | macro-F1 | tokens in, per {run.unit} | out |{''.join(more)}",
        f"|---|---:|---:|---|---:|---:|---:|{'---:|' * len(more)}",
    ]
    for name, score in run.scores.items():
        low, high = interval_95(score)
        use = tokens.get(name, {})
        cells = (
            name,
            f"{score['n']}" if score["n"] == score["n_planned"] else f"{score['n']} of {score['n_planned']}",
            percent(score["accuracy"]),
            f"{percent(low)} to {percent(high)}",
            number(score["macro_f1"], 3),
            *(number(use.get(kind, {}).get("mean")) for kind in ("input", "output", *parts)),
            *([dollars(use.get("cost", {}).get("usd_per_1000_posts"))] if is_priced else []),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if said := trade_off(run):
        lines += ["", _cell(said)]
    if suspect := run.exhibits.get("suspect_labels", {}).get("texts", ()):
        lines += ["", f"⚠️ texts of the corpus that appear under two labels: {len(suspect):,}; report.html lists them"]
    limits = limit_lines(run)
    missed = [line for line in limits if line.state != "passed"]
    held = [line for line in limits if line.state == "passed"]
    if missed:
        lines += ["", *_limit_table(missed)]
    if held:
        n = count_of(len(held), "limit")
        lines += ["", f"<details><summary>{n} held</summary>", "", *_limit_table(held), "", "</details>"]
    return "\n".join(lines) + "\n"


def annotation_lines(run: RunFolder, gates: Path | None = None) -> list[str]:
    """One GitHub workflow command per gate that did not pass: an error, or a warning if it is not proved.

    ``gates``: gates.toml, where the line that sets the gate is shown, if it is there.
    """
    found = []
    source = gates.read_text("utf-8").splitlines() if gates is not None and gates.is_file() else []
    for gate in run.gates["gates"]:
        if gate.get("finding") == "PASS":
            continue
        level = "error" if gate.get("finding") == "FAIL" else "warning"
        lines = [line for line in limit_lines(run) if line.gate == gate["gate"] and line.state != "passed"]
        text = "\n".join(
            f"{_measured(line)}{f'; limit: {line.limit}' if line.limit and line.measured else ''}"
            f"{f' ({line.why})' if line.why else ''}"
            for line in lines
        )
        title = f"newsgauge gate {gate['gate']}: {state_of(gate)}"
        found.append(f"::{level} {_place(gate, run, gates, source)}title={_property(title)}::{_data(text)}")
    return found


def _place(gate: Mapping[str, Any], run: RunFolder, path: Path | None, lines: list[str]) -> str:
    """Where gates.toml sets a gate, as the properties of a workflow command: the head of its variant's table."""
    table = (str(run.run["backend"]), str(run.run["corpus"]), str(gate.get("variant") or ""))
    quoted = [rf'["\']?{re.escape(part)}["\']?' for part in table]
    head = re.compile(r"\s*\[\s*" + r"\s*\.\s*".join(quoted) + r"\s*[\].]")
    number = next((n for n, line in enumerate(lines, 1) if head.match(line)), 1)
    return f"file={_property(str(path))},line={number}," if lines else ""


def _limit_table(lines: Iterable[LimitLine]) -> list[str]:
    rows = [
        f"| {_MARKS.get(line.state, '❔')} {line.state} | {_cell(line.gate)} | {_cell(_measured(line))} | "
        f"{_cell(line.limit)} | {_cell(line.why)} |"
        for line in lines
    ]
    return ["| finding | gate | measured | limit | why |", "|---|---|---|---|---|", *rows]


def _measured(line: LimitLine) -> str:
    """With how it was decided, unless the numbers say it all."""
    shown = [line.measured, line.detail if line.state != "passed" or not line.measured else ""]
    return "; ".join(part for part in shown if part)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
