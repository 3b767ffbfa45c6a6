"""``newsgauge classify``: the label of a text of the user's own, asked as a variant asks."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend_access import add_backend_options, reach_backend
from ..errors import BackendError, UsageError
from .training_options import VARIANTS, add_corpus_options, load_corpus

if TYPE_CHECKING:
    from ..classifying import Answer
    from ..variants import Variant


def add_classify_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``classify`` and its options."""
    classify = commands.add_parser(
        "classify",
        help="name the label of a text of your own",
        description="Asks a variant of evals/variants.toml, 'tuned' unless --variant says otherwise. The second-best "
        "label takes a second call, and is told where the service gives log-probabilities.",
    )
    classify.add_argument("text", metavar="TEXT|-|FILE", help="a text, a file that holds one, or - for standard input")
    classify.add_argument(
        "--jsonl", action="store_true", help='one text a line, {"text": ...} or a string; answers one a line, as JSON'
    )
    classify.add_argument("--no-second", action="store_true", help="make no second call for the second-best label")
    add_backend_options(classify)
    add_corpus_options(classify)
    classify.set_defaults(handler=_classify)


def _classify(options: argparse.Namespace) -> int:
    from ..backends import open_client
    from ..classifying import classify
    from ..variants import load_variants, select_variants

    texts = _read_texts(options)  # a damaged line is found before the first call
    variant = select_variants(load_variants(VARIANTS), options.variant)[options.variant]
    model, labels = _model_and_labels(variant, options)
    with reach_backend(options.backend, options.base_url) as url:
        client = open_client(options.backend, base_url=url, live=True)
        try:
            for text in texts:
                answer = classify(client, variant, text, model=model, labels=labels, with_second=not options.no_second)
                print(_json_line(answer) if options.jsonl else _line(answer), flush=True)
        except BackendError as error:
            if ": 404 " in str(error) and variant.tuning is not None:
                raise BackendError(
                    f"{error}. The tuned model is gone: 'newsgauge tune --backend {options.backend}' finds or trains it"
                ) from None
            raise
        finally:
            client.close()
    return 0


def _model_and_labels(variant: Variant, options: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    corpus = load_corpus(options)
    if variant.tuning is None:
        import re

        from ..options import usual_classes

        pattern = re.compile(options.classes if options.classes is not None else usual_classes(corpus.name))
        return variant.model, tuple(sorted({post.label for post in corpus.posts("test") if pattern.search(post.label)}))
    from ..tuning.tuned_file import FILE, read_tuned

    entries = [e for e in read_tuned(FILE).values() if (e.backend, e.corpus) == (options.backend, corpus.name)]
    if not entries:
        columns = f" --columns {options.columns}" if options.columns else ""
        raise UsageError(
            f"{FILE} knows no tuned model of the {options.backend} backend for {corpus.name}. Get one: newsgauge tune "
            f"--backend {options.backend} --corpus {options.corpus}{columns}"
        )
    newest = entries[-1]
    if newest.fallback_for:
        print(f"newsgauge: {newest.model} stands in for {newest.fallback_for}", file=sys.stderr)
    return newest.model, newest.labels


def _read_texts(options: argparse.Namespace) -> list[str]:
    text, where = options.text, "TEXT"
    try:
        if text == "-":
            text, where = sys.stdin.buffer.read().decode("utf-8"), "standard input"
        elif len(text) < 1000 and "\n" not in text and Path(text).is_file():
            text, where = Path(text).read_bytes().decode("utf-8"), text
    except UnicodeDecodeError as error:
        raise UsageError(f"classify: expected UTF-8, byte {error.start} of it is none") from None
    except OSError as error:
        raise UsageError(f"classify: cannot read {text}: {error.strerror}") from None
    if not options.jsonl:
        if not text.strip():
            raise UsageError(f"classify: expected a text, {where} is empty")
        return [text]
    texts = [_text_of(line, f"{where}:{number}") for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not texts:
        raise UsageError(f"classify --jsonl: expected a text a line, {where} has none")
    return texts


def _text_of(line: str, where: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UsageError(f'classify --jsonl: {where}: expected {{"text": ...}} or a JSON string: {error}') from None
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f'classify --jsonl: {where}: expected {{"text": ...}} or a JSON string, got {line[:60]}')
    return text


def _line(answer: Answer) -> str:
    parts = [answer.prediction.label]
    if answer.prediction.is_error:
        parts.append(answer.prediction.detail)
    if answer.logprob is not None:
        parts.append(f"{math.exp(answer.logprob):.1%}")
    if answer.second is not None and answer.second_logprob is not None:
        parts.append(f"(next: {answer.second} {math.exp(answer.second_logprob):.1%})")
    return "  ".join(parts)


def _json_line(answer: Answer) -> str:
    return json.dumps(
        {
            "label": answer.prediction.label,
            "outcome": answer.prediction.outcome,
            "detail": answer.prediction.detail,
            "logprob": answer.logprob,
            "second": answer.second,
            "second_logprob": answer.second_logprob,
            "model_version": answer.prediction.model_version,
        }
    )
