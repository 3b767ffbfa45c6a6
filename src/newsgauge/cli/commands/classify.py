"""``newsgauge classify``: ask a variant for the label of the user's own text."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from pathlib import Path

from ...errors import GoneError, UsageError
from ...records import Outcome
from ...running.classifying import Answer
from ...variants.variants_file import load_variants, one_variant
from ..backend_options import add_backend_options, bucket_option, same_options
from .asking import asking
from .training_options import SAME, VARIANTS, add_corpus_options

#: Status if an answer is no label: blocked, cut, empty or off the list.
NO_LABEL = 3
#: Words that nobody would want to classify.
_FILE = re.compile(r"\S+\.(txt|text|eml|md|json|jsonl|csv)")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge classify``."""
    parser.description = (
        "Ask a variant of evals/variants.toml, 'tuned' unless --variant says otherwise. The second-best "
        "label takes a second call, and is shown if the service gives log-probabilities. Status 0: a label; 3: an "
        "answer was blocked, cut, empty or is none of the labels."
    )
    parser.add_argument("text", metavar="TEXT|-|FILE", help="a text, a file that holds one, or - for standard input")
    parser.add_argument(
        "--jsonl",
        action="store_true",
        help='read one text per line, {"text": ...} or a string; write one answer per line, as JSON',
    )
    parser.add_argument("--no-second", action="store_true", help="make no second call for the second-best label")
    add_backend_options(parser)
    add_corpus_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Ask and print; 3 if an answer is none of the labels."""
    texts = _read_texts(options)  # a damaged line is found before the first call
    status = 0
    variant = one_variant(load_variants(VARIANTS), options.variant)
    try:
        with asking(variant, options) as ask:
            for text in texts:
                answer = ask(text)
                print(_json_line(answer) if options.jsonl else _line(answer), flush=True)
                if answer.prediction.outcome is not Outcome.LABEL:
                    status = NO_LABEL
    except GoneError as error:
        same = f"{same_options(options, SAME)}{bucket_option(options)}"
        raise GoneError(f"{error}. The tuned model is gone; train it again: newsgauge tune --new{same}") from None
    return status


def _read_texts(options: argparse.Namespace) -> list[str]:
    text, where = options.text, "TEXT"
    try:
        if text == "-":
            text, where = sys.stdin.buffer.read().decode("utf-8"), "standard input"
        elif len(text) < 1000 and "\n" not in text and Path(text).is_file():
            text, where = Path(text).read_bytes().decode("utf-8"), text
        elif _FILE.fullmatch(text):
            raise UsageError(
                f"classify: there is no file {text}. If it is the text itself: echo {text} | newsgauge classify -"
            )
    except UnicodeDecodeError as error:
        raise UsageError(f"classify: expected UTF-8, but byte {error.start} is not") from None
    except OSError as error:
        raise UsageError(f"classify: cannot read {text}: {error.strerror}") from None
    if not options.jsonl:
        if not text.strip():
            raise UsageError(f"classify: expected a text, {where} is empty")
        return [text]
    texts = [_text_of(line, f"{where}:{number}") for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not texts:
        raise UsageError(f"classify --jsonl: expected one text per line, {where} has none")
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
    said = answer.prediction
    parts = [said.label]
    if said.outcome is not Outcome.LABEL:
        parts.append(f"{said.outcome}: {said.detail or 'none of the labels'}")
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
