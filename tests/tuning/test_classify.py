"""``newsgauge classify``: texts of the user's own, from wherever, with the second-best where the service tells it."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from google.genai.types import GenerateContentResponse

from newsgauge.cli.commands.classify import _line
from newsgauge.records import Outcome, Prediction
from newsgauge.running.classifying import Answer, _logprob
from tests.tuning.tuning_names import SMALL

HEALTH = "My doctor prescribed an antibiotic for the infection, and the pain and fever went away"


@pytest.fixture
def classify(newsgauge: Any, server: Any) -> Any:
    at = ("--base-url", server.base_url)
    assert newsgauge("tune", *SMALL, "--posts-per-class", "24", "--epochs", "20", *at)[0] == 0
    return lambda *arguments: newsgauge("classify", *arguments, *at)


def test_a_text_gets_its_label_and_the_next_best_with_their_probabilities(classify: Any) -> None:
    status, out, err = classify(HEALTH)
    assert (status, err) == (0, "")
    first, second = re.fullmatch(r"sci\.med  ([\d.]+)%  \(next: sci\.space ([\d.]+)%\)\n", out).groups()
    assert float(first) + float(second) == pytest.approx(100, abs=0.11)  # there are two labels
    assert float(first) > float(second)


def test_an_answer_that_is_no_label_is_marked_has_no_probability_and_a_status_of_its_own(
    newsgauge: Any, server: Any
) -> None:
    at = ("--base-url", server.base_url, "--variant", "bare")
    status, out, err = newsgauge("classify", HEALTH, *at)
    assert (status, err) == (3, "")
    assert out.endswith("  off-list: none of the labels\n")
    assert "%" not in out.rpartition("  ")[2]
    Path("texts.jsonl").write_text(json.dumps(HEALTH))
    status, out, _ = newsgauge("classify", "--jsonl", "texts.jsonl", *at)
    answer = json.loads(out)
    assert (status, answer["outcome"], answer["logprob"], answer["second"]) == (3, "off-list", None, None)


def test_a_blocked_answer_says_why_and_no_probability() -> None:
    blocked = Prediction("(error)", Outcome.BLOCKED, "finish reason SAFETY", 9, 0, "m")
    assert _line(Answer(blocked)) == "(error)  blocked: finish reason SAFETY"


@pytest.mark.parametrize("name", ["nope", "labels,tuned", ""])
@pytest.mark.parametrize("command", [("classify", "a text"), ("tune",)])
def test_the_variant_is_one_of_the_file(newsgauge: Any, command: Any, name: str) -> None:
    status, out, err = newsgauge(*command, "--variant", name)
    assert (status, out) == (2, "")
    assert re.fullmatch(
        rf"newsgauge: --variant: expected one of bare, .*tuned.*, got '{name}'(; did you mean 'labels'\?)?\n", err
    )


def test_a_file_and_standard_input_are_read_as_one_text(
    classify: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mail.txt").write_text(HEALTH + "\n\nBye")
    assert classify("mail.txt")[1].startswith("sci.med ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((HEALTH + "\n\nBye").encode())))
    assert classify("-")[1] == classify("mail.txt")[1]


@pytest.mark.parametrize("name", ["mail.txt", "posts/one.eml", "all.jsonl"])
def test_a_file_that_is_not_there_is_no_text(newsgauge: Any, project: Path, name: str) -> None:
    status, out, err = newsgauge("classify", name)
    assert (status, out) == (2, "")
    assert err == (
        f"newsgauge: classify: there is no file {name}. If it is the text itself: echo {name} | newsgauge classify -\n"
    )


def test_of_jsonl_each_line_is_answered_in_its_order(classify: Any) -> None:
    lines = [json.dumps({"text": HEALTH, "id": 7}), "", json.dumps("Orbit, rocket and shuttle launch")]
    Path("texts.jsonl").write_text("\n".join(lines))
    status, out, _ = classify("--jsonl", "texts.jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert (status, [answer["label"] for answer in answers]) == (0, ["sci.med", "sci.space"])
    assert [answer["second"] for answer in answers] == ["sci.space", "sci.med"]
    assert all(answer["second_logprob"] < answer["logprob"] < 0 for answer in answers)
    assert all(answer["model_version"].startswith("newsgauge-embedded-") for answer in answers)


def test_the_second_call_is_saved_on_request_and_of_any_variant_the_probability_is_told(classify: Any) -> None:
    assert re.fullmatch(r"sci\.med +\d+\.\d%\n", classify(HEALTH, "--no-second")[1])
    assert re.match(r"sci\.space +\d+\.\d%", classify("--variant", "labels", "space space orbit")[1])


def test_the_first_two_labels_have_no_more_than_all_probability(classify: Any) -> None:
    Path("texts.jsonl").write_text("\n".join(json.dumps(text) for text in (HEALTH, "orbit", "brakes and a dose", "x")))
    for line in classify("--jsonl", "texts.jsonl", "--variant", "labels")[1].splitlines():
        answer = json.loads(line)
        assert math.exp(answer["logprob"]) + math.exp(answer["second_logprob"]) <= 1 + 1e-9


def test_an_answer_without_log_probabilities_has_none() -> None:
    response = GenerateContentResponse.model_validate(
        {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": {"candidatesTokenCount": 1}}
    )
    assert _logprob(response) is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('{"text": "a"}\nnot json', 'texts.jsonl:2: expected {"text": ...} or a JSON string'),
        ('{"body": "a"}', "texts.jsonl:1: expected"),
        ('{"text": 3}', "texts.jsonl:1: expected"),
        ("\n\n", "expected one text per line, texts.jsonl has none"),
    ],
)
def test_a_wrong_line_is_told_before_the_first_call(classify: Any, lines: str, words: str) -> None:
    Path("texts.jsonl").write_text(lines)
    status, out, err = classify("--jsonl", "texts.jsonl")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_an_empty_text_and_bytes_that_are_no_text_are_refused(classify: Any) -> None:
    assert classify("  ")[0] == 2
    Path("latin1").write_bytes(b"caf\xe9")
    status, _, err = classify("latin1")
    assert (status, "expected UTF-8" in err) == (2, True)


def test_without_a_tuned_model_the_command_that_gets_one_is_named(newsgauge: Any, server: Any) -> None:
    status, _, err = newsgauge("classify", "x", "--base-url", server.base_url)
    assert status == 2
    assert f"Get one: newsgauge tune --base-url {server.base_url}" in err


def test_a_deleted_model_is_told_with_what_to_do(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    name = re.search(r"Tuned model: (\S+)", newsgauge("tune", *SMALL, *at)[1])[1]
    entries = Path(".newsgauge/tuned.json").read_text()
    newsgauge("tune", "delete", name, *at)
    Path(".newsgauge/tuned.json").write_text(entries)  # as when somebody else deleted it
    status, _, err = newsgauge("classify", "x", *at)
    assert status == 1
    assert f"{name}: 404 NOT_FOUND" in err
    assert f"gone; train it again: newsgauge tune --new --base-url {fresh_server.base_url}\n" in err
