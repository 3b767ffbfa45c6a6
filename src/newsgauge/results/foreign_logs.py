"""Logs of other evaluation tools: a file in, one record per answer out, as `predictions` makes them of a table.

Inspect (``.eval`` or its JSON), lm-evaluation-harness (``samples_*.jsonl`` of ``--log_samples``), promptfoo
(``output.json``). What a tool judged right is right here, whatever its scorer, so that the accuracy is the one it
printed.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from statistics import fmean
from typing import Any

from ..errors import UsageError
from .predictions import Predicted

Row = Mapping[str, Any]
#: Kinds of assertions of promptfoo whose value is the label that is expected.
_EXPECTS = ("equals", "contains", "icontains", "starts-with")
#: What promptfoo writes before a model: ``openai:chat:gpt-5-mini``.
_PROVIDER = re.compile(r"^(?!\w+://)\w+:(?:(?:chat|completion|messages|responses):)?")


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
    return "promptfoo", list(_repeated(results)), _promptfoo


def _repeated(results: list[Row]) -> Iterator[Row]:
    """Rows of promptfoo, which counts a repeat as a test of its own: tests with the same variables, all as often."""
    alike = defaultdict(list)
    for row in results:
        alike[row.get("promptIdx"), json.dumps(row.get("vars"), sort_keys=True)].append(row)
    are_repeats = len({len(rows) for rows in alike.values()}) == 1
    n_prompts = len({prompt for prompt, _ in alike})
    for rows in alike.values():
        for number, row in enumerate(rows, 1):
            first, repeat = (rows[0], number) if are_repeats else (row, 1)
            yield {**row, "prompts": n_prompts, "testIdx": first["testIdx"], "repeat": repeat}


def _inspect_samples(path: Path) -> list[Row]:
    try:
        with zipfile.ZipFile(path) as log:
            about = json.loads(_unpacked(log, "header.json"))["eval"]
            names = sorted(name for name in log.namelist() if name.startswith("samples/") and name.endswith(".json"))
            return [{**json.loads(_unpacked(log, name)), "eval": about} for name in names]
    except ImportError:
        raise UsageError(
            f"{path}: this Python cannot unpack it: pip install 'newsgauge[parquet]', or run inspect log dump {path} > "
            "log.json and score log.json"
        ) from None
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise UsageError(f"{path}: expected a log of Inspect that is over, as its .eval files are: {error}") from None


def _unpacked(log: zipfile.ZipFile, name: str) -> bytes:
    """A file of the archive, also if it is packed with Zstandard, which zipfile knows from Python 3.14 on."""
    try:
        return log.read(name)
    except NotImplementedError:
        import pyarrow

        packed = copy(log.getinfo(name))
        n_bytes, packed.file_size, packed.compress_type = packed.file_size, packed.compress_size, zipfile.ZIP_STORED
        del packed.CRC  # it is that of the unpacked file
        with log.open(packed) as file:
            return bytes(pyarrow.decompress(file.read(), n_bytes, codec="zstd"))


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
    about = row["eval"]
    usage = (
        (row.get("model_usage") or {}).get(about["model"]) or output.get("usage") or {}
    )  # all calls, or the last one
    cached = (usage.get("input_tokens_cache_read") or 0) + (usage.get("input_tokens_cache_write") or 0)
    tokens = {
        "input_tokens": (usage.get("input_tokens") or 0) + cached,
        "output_tokens": usage.get("output_tokens") or 0,
        "thinking_tokens": usage.get("reasoning_tokens") or 0,
        "cached_tokens": usage.get("input_tokens_cache_read") or 0,
    }
    choices: Sequence[Row] = output.get("choices") or ({},)
    logprobs = [one["logprob"] for one in (choices[0].get("logprobs") or {}).get("content") or ()]
    yield _predicted(
        where, str(row["id"]), said, label, judged,
        variant=variant or f"{about['task']}-{about['model']}", repeat=int(row.get("epoch") or 1),
        tokens=tokens, model=str(output.get("model") or about["model"]), confidence=_mean_probability(logprobs),
    )  # fmt: skip


def _harness(where: str, row: Row, variant: str | None) -> Iterator[Predicted]:
    said, target, confidence = row["filtered_resps"], str(row["target"]), None
    arguments = row.get("arguments") or ()
    calls = list(arguments.values()) if isinstance(arguments, dict) else arguments
    asked = [call["arg_1"] if isinstance(call, dict) else call[1] for call in calls]
    texts = said[0] if isinstance(said[0], list) else [said[0]]  # of a filter that takes several of its repeats
    if isinstance(said[0], list) and isinstance(asked[0], str):  # each choice with its log-likelihood
        likelihoods = [float(one[0]) for one in said]
        best = max(likelihoods)
        texts = [asked[likelihoods.index(best)]]
        confidence = 1 / math.fsum(math.exp(one - best) for one in likelihoods)
        target = asked[int(target)] if target.isdecimal() else target
    names = ("exact_match", "acc", *row.get("metrics", ()))
    metric = next((row[name] for name in names if isinstance(row.get(name), int | float)), None)
    name = variant or Path(where.partition(": sample ")[0]).stem
    if row["filters"] > 1:
        name = f"{name}-{row['filter']}"
    judged = None if metric is None or len(texts) > 1 else bool(metric)
    for repeat, text in enumerate(texts, 1):
        yield _predicted(
            where, str(row["doc_id"]), str(text), target, judged, variant=name, repeat=repeat, confidence=confidence
        )


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
    details = usage.get("completionDetails") or {}
    said = response.get("output")
    name = provider.get("label") or provider["id"] if isinstance(provider, dict) else str(provider)
    if row["prompts"] > 1:
        name = f"{name}-prompt-{int(row['promptIdx']) + 1}"
    tokens = {
        "input_tokens": usage.get("prompt") or 0,
        "output_tokens": usage.get("completion") or 0,
        "thinking_tokens": details.get("reasoning") or 0,
        "cached_tokens": details.get("cacheReadInputTokens") or 0,
    }
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said)
    judged = bool(row["success"]) if row["testCase"].get("assert") else None
    provider_id = str(provider["id"]) if isinstance(provider, dict) else name
    identity = str(given.get("id", row["testIdx"]))
    yield _predicted(
        where, identity, text, expected or str(given.get("label", "")), judged,
        variant=variant or name, repeat=row["repeat"], tokens=tokens, model=_PROVIDER.sub("", provider_id),
        confidence=_mean_probability(response.get("logProbs") or ()),
    )  # fmt: skip


def _predicted(where: str, identity: str, said: str, label: str, judged: bool | None, **more: Any) -> Predicted:
    """The answer as the tool judged it: its scorers are lenient in ways of their own."""
    text, detail = said.strip(), ""
    if judged is True and text != label.strip():
        text, detail = label.strip(), "right as the tool judged it"
    elif judged is False and text == label.strip():
        text, detail = f"(judged wrong) {text}", "wrong as the tool judged it"
    return Predicted(where=where, id=identity, prediction=text, label=label.strip(), detail=detail, **more)


def _mean_probability(logprobs: Sequence[float]) -> float | None:
    """Of the answer's tokens, as ``confidence = "logprobs"`` has it (geometric)."""
    return min(1.0, math.exp(fmean(logprobs))) if logprobs else None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
