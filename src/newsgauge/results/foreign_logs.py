"""Logs of other evaluation tools: a file in, one record per answer out, as `predictions` makes them of a table.

Inspect (``.eval`` or its JSON), lm-evaluation-harness (``samples_*.jsonl`` of ``--log_samples``), promptfoo
(``output.json``). What a tool judged right is right here, whatever its scorer, so that the accuracy is the one it
printed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .predictions import Predicted

Row = Mapping[str, Any]
#: Kinds of assertions of promptfoo whose value is the label that is expected.
_EXPECTS = ("equals", "contains", "icontains", "starts-with")


def read_log(path: Path, *, variant: str | None) -> list[Predicted] | None:
    """The answers of a log; None if the file is no log that is known here. Raises `UsageError`: one that is damaged."""
    found = _log(path)
    if found is None:
        return None
    tool, rows, read = found
    try:
        return [one for number, row in enumerate(rows) for one in read(f"{path}: sample {number + 1}", row, variant)]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UsageError(
            f"{path}: expected a log of {tool}, but one of its samples has an unknown form "
            f"({type(error).__name__}: {error})"
        ) from None


def _log(path: Path) -> tuple[str, list[Row], Callable[[str, Row, str | None], Iterator[Predicted]]] | None:
    if path.suffix == ".eval":
        return "Inspect", _inspect_samples(path), _inspect
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            first = _json(file.readline())
        if not isinstance(first, dict) or not {"doc_id", "filtered_resps", "target"} <= first.keys():
            return None
        rows = [_json(line) for line in path.read_bytes().splitlines() if line.strip()]
        filters = {row.get("filter", "none") for row in rows}
        return "lm-evaluation-harness", [{**row, "filters": len(filters)} for row in rows], _harness
    if path.suffix != ".json":
        return None
    value = _json(path.read_bytes())
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("eval"), dict) and isinstance(value.get("samples"), list):
        return "Inspect", [{**sample, "eval": value["eval"]} for sample in value["samples"]], _inspect
    results = value.get("results")
    results = results.get("results") if isinstance(results, dict) else None
    if not isinstance(results, list):
        return None
    n_prompts = len({row.get("promptIdx") for row in results})
    return "promptfoo", [{**row, "prompts": n_prompts} for row in results], _promptfoo


def _inspect_samples(path: Path) -> list[Row]:
    try:
        with zipfile.ZipFile(path) as log:
            about = json.loads(log.read("header.json"))["eval"]
            names = sorted(name for name in log.namelist() if name.startswith("samples/") and name.endswith(".json"))
            return [{**json.loads(log.read(name)), "eval": about} for name in names]
    except NotImplementedError:  # Zstandard, which zipfile knows from Python 3.14 on
        raise UsageError(
            f"{path}: this Python cannot unpack it. Run: inspect log dump {path} > log.json, and score log.json"
        ) from None
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise UsageError(f"{path}: expected a log of Inspect that is over, as its .eval files are: {error}") from None


def _inspect(where: str, row: Row, variant: str | None) -> Iterator[Predicted]:
    output, targets = row.get("output") or {}, row["target"]
    label = targets if isinstance(targets, str) else targets[0]
    said = output.get("completion") or ""
    judged: bool | None = None
    for score in (row.get("scores") or {}).values():
        value = score["value"]
        judged = value in ("C", 1, True) if isinstance(value, str | int | float) else None
        said = score.get("answer") or said
        break
    usage = output.get("usage") or {}
    cached = (usage.get("input_tokens_cache_read") or 0) + (usage.get("input_tokens_cache_write") or 0)
    tokens = {
        "input_tokens": (usage.get("input_tokens") or 0) + cached,
        "output_tokens": usage.get("output_tokens") or 0,
        "thinking_tokens": usage.get("reasoning_tokens") or 0,
        "cached_tokens": usage.get("input_tokens_cache_read") or 0,
    }
    about = row["eval"]
    yield _predicted(
        where, str(row["id"]), said, label, judged,
        variant=variant or f"{about['task']}-{about['model']}", repeat=int(row.get("epoch") or 1),
        tokens=tokens, model=str(output.get("model") or about["model"]),
    )  # fmt: skip


def _harness(where: str, row: Row, variant: str | None) -> Iterator[Predicted]:
    said, target = row["filtered_resps"], row["target"]
    if isinstance(said[0], list):  # each choice with its log-likelihood: the likeliest was chosen
        arguments = row["arguments"]
        calls = list(arguments.values()) if isinstance(arguments, dict) else arguments
        choices = [str(call["arg_1"] if isinstance(call, dict) else call[1]).strip() for call in calls]
        likelihoods = [float(one[0]) for one in said]
        text = choices[likelihoods.index(max(likelihoods))]
        label = choices[int(target)] if str(target).isdecimal() else str(target).strip()
    else:
        text, label = str(said[0]), str(target)
    metric = next((row[name] for name in ("exact_match", "acc") if isinstance(row.get(name), int | float)), None)
    name = variant or Path(where.partition(": sample ")[0]).stem
    if row["filters"] > 1:
        name = f"{name}-{row['filter']}"
    judged = None if metric is None else bool(metric)
    yield _predicted(where, str(row["doc_id"]), text, label, judged, variant=name)


def _promptfoo(where: str, row: Row, variant: str | None) -> Iterator[Predicted]:
    asserts = [one for one in row["testCase"].get("assert") or () if one.get("type") in _EXPECTS]
    graded = (row.get("gradingResult") or {}).get("componentResults") or ()
    graded = [one for one in graded if (one.get("assertion") or {}).get("type") in _EXPECTS]
    values = [(one.get("metadata") or {}).get("renderedAssertionValue", one["assertion"]["value"]) for one in graded]
    given = row.get("vars") or {}
    expected = next((str(one) for one in (*values, *(one.get("value") for one in asserts)) if one is not None), "")
    if expected.startswith("{{"):
        expected = str(given.get(expected.strip("{} "), ""))
    response, provider = row.get("response") or {}, row["provider"]
    usage = response.get("tokenUsage") or {}
    said = response.get("output")
    name = provider.get("label") or provider["id"] if isinstance(provider, dict) else str(provider)
    if row["prompts"] > 1:
        name = f"{name}-prompt-{int(row['promptIdx']) + 1}"
    tokens = {
        "input_tokens": usage.get("prompt") or 0,
        "output_tokens": usage.get("completion") or 0,
        "thinking_tokens": (usage.get("completionDetails") or {}).get("reasoning") or 0,
    }
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said)
    judged = bool(row["success"]) if asserts else None
    identity = str(given.get("id", row["testIdx"]))
    yield _predicted(
        where, identity, text, expected or str(given.get("label", "")), judged,
        variant=variant or name, tokens=tokens, model=str(provider["id"]) if isinstance(provider, dict) else name,
    )  # fmt: skip


def _predicted(where: str, identity: str, said: str, label: str, judged: bool | None, **more: Any) -> Predicted:
    """The answer as the tool judged it: its scorers are lenient in ways of their own."""
    text, detail = said.strip(), ""
    if judged is True and text != label.strip():
        text, detail = label.strip(), "right as the tool judged it"
    elif judged is False and text == label.strip():
        text, detail = f"(judged wrong) {text}", "wrong as the tool judged it"
    return Predicted(where=where, id=identity, prediction=text, label=label.strip(), detail=detail, **more)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
