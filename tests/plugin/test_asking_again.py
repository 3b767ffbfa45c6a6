"""``--again``: what holds no label is asked again, all else stays; an old answer goes when the new one is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsgauge.errors import UsageError
from newsgauge.records import Outcome
from newsgauge.running.recording_options import chosen_again
from tests.plugin.fake_service import FakeService

FILE = Path("cassettes/gemini/bundled/{}.jsonl")
PLAN = ["--backend", "gemini", "--variants", "bare,own"]
SIZE = ["--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
OWN = """
[own]
about = "a function"
model = "gemini-3.5-flash-lite"
predict = "asking:ask"
"""
ASKING = """
def ask(text, client, *, labels, model):
    return client.models.generate_content(model=model, contents="Which newsgroup? " + text)
"""
#: Of eight posts the first three answers of each variant.
BAD: list[dict[str, Any]] = [
    {"candidates": [{"finishReason": "SAFETY"}]},
    {"candidates": [{"finishReason": "MAX_TOKENS"}]},
    {"candidates": [{"content": {"parts": [{"text": " "}]}, "finishReason": "STOP"}]},
]


@pytest.fixture
def service(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    evals = project.path / "evals"
    (evals / "variants.toml").write_text((evals / "variants.toml").read_text() + OWN)
    (evals / "asking.py").write_text(ASKING)
    with FakeService() as service:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", service.url)
        monkeypatch.setenv("GEMINI_API_KEY", "none")
        yield service


def is_own(body: str) -> bool:
    return "Which newsgroup?" in body


def outcomes(variant: str) -> list[str]:
    lines = [json.loads(line) for line in Path(str(FILE).format(variant)).read_text().splitlines()]
    assert len(lines) == 8
    said = [line["response"]["body"]["candidates"][0] for line in lines]
    return sorted(one["finishReason"] if "content" not in one or one["content"]["parts"][0]["text"].strip() else "EMPTY"
                  for one in said)  # fmt: skip


def record_with_bad_answers(project: pytest.Pytester, service: FakeService) -> None:
    seen = {True: 0, False: 0}

    def spoil(body: str, answer: dict[str, Any]) -> dict[str, Any]:
        number = seen[is_own(body)]
        seen[is_own(body)] += 1
        return {**answer, **BAD[number]} if number < len(BAD) else answer

    service.changed = spoil
    project.runpytest_inprocess("evals", *PLAN, "--record-mode", "once")
    assert outcomes("bare") == outcomes("own") == ["EMPTY", "MAX_TOKENS", "SAFETY", *["STOP"] * 5]
    service.calls.clear()
    service.changed = lambda body, answer: answer


def test_pytest_asks_the_named_kinds_again_and_nothing_else(project: pytest.Pytester, service: FakeService) -> None:
    record_with_bad_answers(project, service)
    again = ["evals", *PLAN, "--record-mode", "new_episodes", "--again"]
    assert project.runpytest_inprocess(*again, "blocked").ret == 0
    assert sorted(is_own(body) for _, body in service.calls) == [False, True]
    assert outcomes("bare") == outcomes("own") == ["EMPTY", "MAX_TOKENS", *["STOP"] * 6]
    service.calls.clear()
    service.fault = "400"
    assert project.runpytest_inprocess(*again, "cut,empty").ret == 1
    assert len(service.calls) == 4
    assert outcomes("bare") == outcomes("own") == ["EMPTY", "MAX_TOKENS", *["STOP"] * 6]  # no new answer: the old stays
    service.calls.clear()
    service.fault = ""
    assert project.runpytest_inprocess(*again, "cut, empty").ret == 0
    assert len(service.calls) == 4
    assert outcomes("bare") == outcomes("own") == ["STOP"] * 8
    service.calls.clear()
    assert project.runpytest_inprocess(*again, "blocked,cut,empty").ret == 0
    assert service.calls == []


def test_record_asks_them_again_too(project: pytest.Pytester, service: FakeService) -> None:
    record_with_bad_answers(project, service)
    command = ["newsgauge", "record", "--backend", "gemini", "--variants", "bare", *SIZE, "--yes"]
    result = project.run(*command, "--record-mode", "new_episodes", "--again", "blocked,cut,empty")
    assert result.ret == 0, result.stderr.str()
    assert len(service.calls) == 3
    assert outcomes("bare") == ["STOP"] * 8
    result.stdout.fnmatch_lines(["*8 of 8 planned cases are recorded*"])


@pytest.mark.parametrize(
    ("option", "mode", "words"),
    [
        ("wrong", "once", "--again: expected one or more of blocked, cut, empty, got 'wrong'"),
        ("", "once", "--again: expected one or more of blocked, cut, empty, got ''"),
        ("cut", "none", "--again: expected --record-mode once or new_episodes with it, got 'none'"),
        ("cut", "all", "--again: expected --record-mode once or new_episodes with it, got 'all'"),
    ],
)
def test_what_cannot_be_asked_again_is_refused(option: str, mode: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen_again(option, mode)
    assert str(caught.value) == words
    assert chosen_again(None, mode) == frozenset()
    assert chosen_again("cut, blocked", "once") == {Outcome.CUT, Outcome.BLOCKED}
