"""The cases of a run, packed for the page's table: results in, base64 of gzipped JSON out.

Columns of small numbers that point into lists, so that 30,000 cases stay small. Where post text may not be shown, an
answer outside the list is cut to 40 characters too: a model that was not told to classify may quote the post.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

from ...records import Outcome, Result, shown_id
from ...results.run_folder import RunFolder

_MAX_CLEAR = 40


def pack_cases(run: RunFolder, *, start: Mapping[str, str]) -> str:
    """ASCII that script.js unpacks. ``start``: the filters that the table opens with."""
    held = run.baseline.get("variants", {})
    value = {
        **_columns(run.results, run.variants, run.posts),
        "line": _steps(_lines(run)),
        "baseline": {name: {shown_id(key): said for key, said in one["changed"].items()} for name, one in held.items()},
        "prompts": run.prompts,
        "recordings": {name: one["path"] for name, one in run.recordings.items()},
        "start": start,
    }
    raw = json.dumps(value, separators=(",", ":")).encode("ascii")
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")


def _columns(results: tuple[Result, ...], variants: tuple[str, ...], posts: Mapping[str, str]) -> dict[str, Any]:
    labels = sorted({result.label for result in results})
    label_index = {label: i for i, label in enumerate(labels)}
    post_index: dict[str, int] = {}
    entries: list[list[Any]] = []
    answers, outcomes, details, models = _Names(), _Names(), _Names(), _Names()
    columns: dict[str, list[int | None]] = {
        name: [] for name in ("post", "variant", "answer", "outcome", "detail", "model", "input", "output")
    }
    for result in results:
        if result.post_id not in post_index:
            post_index[result.post_id] = len(entries)
            entry: list[Any] = [shown_id(result.post_id), label_index[result.label]]
            entries.append([*entry, posts[result.post_id]] if result.post_id in posts else entry)
        said = result.prediction
        columns["post"].append(post_index[result.post_id])
        columns["variant"].append(variants.index(result.variant))
        columns["answer"].append(answers[_answer(result, shown=bool(posts))])
        columns["outcome"].append(outcomes[kind_of(result)])
        columns["detail"].append(details[result.broken if said is None else said.detail])
        columns["model"].append(models["" if said is None else said.model_version])
        columns["input"].append(None if said is None else said.input_tokens)
        columns["output"].append(None if said is None else said.output_tokens)
    return {
        "labels": labels,
        "variants": list(variants),
        "posts": entries,
        "answers": list(answers.index),
        "outcomes": list(outcomes.index),
        "details": list(details.index),
        "models": list(models.index),
        **columns,
    }


def _lines(run: RunFolder) -> list[int]:
    """The line of each case in its recording; 0 where it has none."""
    lines = {name: one["lines"] for name, one in run.recordings.items()}
    return [lines.get(result.variant, {}).get(result.post_id) or 0 for result in run.results]


def _steps(numbers: list[int]) -> list[int]:
    """Each number less the one before it: of lines in a row these are all 1, which gzip makes nothing of."""
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]


def kind_of(result: Result) -> str:
    """The word for what became of a case: right, wrong, off-list, blocked, cut, empty, broken."""
    if result.prediction is None:
        return "broken"
    if result.correct:
        return "right"
    outcome = result.prediction.outcome
    return "wrong" if outcome is Outcome.LABEL else str(outcome.value)


def clip(answer: str, *, shown: bool) -> str:
    """The answer; only its beginning where it may quote a post that is not to be shown."""
    if shown or len(answer) <= _MAX_CLEAR:
        return answer
    return f"{answer[:_MAX_CLEAR]}… ({len(answer)} characters)"


def _answer(result: Result, *, shown: bool) -> str:
    said = result.prediction
    if said is None:
        return ""
    return clip(said.label, shown=shown or said.outcome is not Outcome.OFF_LIST)


class _Names:
    """Text -> its place in a list of distinct texts."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self.index.setdefault(name, len(self.index))
