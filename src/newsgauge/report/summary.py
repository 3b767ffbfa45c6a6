"""summary.md: verdicts and scoreboard for a pull request or $GITHUB_STEP_SUMMARY; annotations of failed gates.

A `RunFolder` in, Markdown or workflow commands out. Computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..results.run_folder import RunFolder
from .terminal import backend_note

_MARKS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔"}


def summary_markdown(run: RunFolder) -> str:
    """A heading, a table of variants, a table of gates."""
    backend = str(run.run["backend"])
    lines = [
        f"## newsgauge: {_cell(str(run.run['corpus']))}, {backend} backend",
        "",
        f"{backend_note(backend, run.model_versions)}; {run.posts_in_words}, plan `{run.run['plan']}`; "
        + (
            "every planned gate is decided"
            if run.gates.get("complete")
            else "newsgauge merge decides the gates"
            if run.shard
            else "**incomplete**"
        ),
        "",
    ]
    tokens = {} if run.tokens is None else run.tokens["variants"]
    is_priced = any(use["cost"]["price"] for use in tokens.values())
    parts = [
        kind
        for kind in ("thinking", "cached", "tool_use")
        if any(use.get(kind, {}).get("mean") for use in tokens.values())
    ]
    more = [f" of it {kind.replace('_', ' ')} |" for kind in parts] + [" $ for 1,000 posts |"] * is_priced
    lines += [
        f"| variant | n | accuracy | 95% interval | macro-F1 | tokens in, a post | out |{''.join(more)}",
        f"|---|---:|---:|---|---:|---:|---:|{'---:|' * len(more)}",
    ]
    for name, score in run.scores.items():
        low, high = score.get("thread_clustered_95") or score["wilson_95"]
        use = tokens.get(name, {})
        cells = (
            name,
            f"{score['n']}" if score["n"] == score["n_planned"] else f"{score['n']} of {score['n_planned']}",
            _percent(score["accuracy"]),
            f"{_percent(low)} to {_percent(high)}",
            "–" if score["macro_f1"] is None else f"{score['macro_f1']:.4f}",
            *(_mean(use, kind) for kind in ("input", "output", *parts)),
            *([dollars(use.get("cost", {}).get("usd_per_1000_posts"))] if is_priced else []),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if suspect := run.exhibits.get("suspect_labels", {}).get("texts", ()):
        lines += ["", f"⚠️ texts of the corpus that stand under two labels: {len(suspect):,}; report.html lists them"]
    lines += ["", "| gate | finding | numbers and rule |", "|---|---|---|"]
    for gate in run.gates["gates"]:
        finding = str(gate.get("finding") or "not decided")
        text = _cell("; ".join(gate.get("reasons", ())))
        lines.append(f"| {_cell(str(gate['gate']))} | {_MARKS.get(finding, '❔')} {finding} | {text} |")
    if not run.gates["gates"]:
        lines.append("| no gate is set | | |")
    return "\n".join(lines) + "\n"


def annotation_lines(run: RunFolder) -> list[str]:
    """One GitHub workflow command a gate that did not pass: an error, or a warning where it is inconclusive."""
    return [
        f"::{'error' if gate.get('finding') == 'FAIL' else 'warning'} title={_property(title_of(gate))}::"
        + _data("; ".join(gate.get("reasons", ())))
        for gate in run.gates["gates"]
        if gate.get("finding") != "PASS"
    ]


def title_of(gate: Mapping[str, Any]) -> str:
    """``newsgauge gate tuned: FAIL``."""
    return f"newsgauge gate {gate['gate']}: {gate.get('finding') or 'not decided'}"


def dollars(value: float | None) -> str:
    """``$12.50``, ``$0.0125``; a dash for None."""
    return "–" if value is None else f"${value:,.4f}" if value < 1 else f"${value:,.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}%"


def _mean(use: Mapping[str, Any], kind: str) -> str:
    mean = use.get(kind, {}).get("mean")
    return "–" if mean is None else f"{mean:,.1f}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
