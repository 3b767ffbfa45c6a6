"""The cases of a run, packed for the page's table: results in, base64 of gzipped JSON out.

Columns of small numbers that point into lists, so that 30,000 cases stay small. If post text may not be shown, an
answer outside the list is cut to 40 characters too: a model that was not told to classify may quote the post.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...records import Outcome, Result, shown_id
from ...results.run_folder import RunFolder

_MAX_CLEAR = 40


def pack_cases(run: RunFolder, *, start: Mapping[str, str]) -> str:
    """Pack the cases as ASCII for script.js. ``start``: the filters that the table opens with."""
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
    of_posts = {result.post_id: result.label for result in results}
    entries = [
        [shown_id(post), labels.index(label), *([posts[post]] if post in posts else [])]
        for post, label in of_posts.items()
    ]
    said = [result.prediction for result in results]
    worded = {
        "answer": [_answer(result, shown=bool(posts)) for result in results],
        "outcome": [kind_of(result) for result in results],
        "detail": [result.broken if one is None else one.detail for result, one in zip(results, said, strict=True)],
        "model": ["" if one is None else one.model_version for one in said],
    }
    found = {
        "labels": labels,
        "variants": list(variants),
        "posts": entries,
        "post": _places((result.post_id for result in results), of_posts),
        "variant": _places((result.variant for result in results), variants),
        "input": [None if one is None else one.input_tokens for one in said],
        "output": [None if one is None else one.output_tokens for one in said],
    }
    for name, texts in worded.items():
        distinct = list(dict.fromkeys(texts))
        found |= {f"{name}s": distinct, name: _places(texts, distinct)}
    return found


def _places(texts: Iterable[str], distinct: Iterable[str]) -> list[int]:
    """The place of each text in the list of distinct ones."""
    index = {text: place for place, text in enumerate(distinct)}
    return [index[text] for text in texts]


def _lines(run: RunFolder) -> list[int]:
    """The line of each case in its recording; 0 if it has none."""
    lines = {name: one["lines"] for name, one in run.recordings.items()}
    return [lines.get(result.variant, {}).get(result.post_id) or 0 for result in run.results]


def _steps(numbers: list[int]) -> list[int]:
    """Differences between consecutive numbers: for consecutive lines all are 1, which gzip compresses well."""
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]


def kind_of(result: Result) -> str:
    """The outcome of a case in a word: right, wrong, off-list, blocked, cut, empty, broken."""
    if result.prediction is None:
        return "broken"
    if result.correct:
        return "right"
    outcome = result.prediction.outcome
    return "wrong" if outcome is Outcome.LABEL else str(outcome.value)


def clip(answer: str, *, shown: bool) -> str:
    """The answer, cut if it may quote a post that the report must not show."""
    if shown or len(answer) <= _MAX_CLEAR:
        return answer
    return f"{answer[:_MAX_CLEAR]}… ({len(answer)} characters)"


def _answer(result: Result, *, shown: bool) -> str:
    said = result.prediction
    if said is None:
        return ""
    return clip(said.label, shown=shown or said.outcome is not Outcome.OFF_LIST)
