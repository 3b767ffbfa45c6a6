"""A prompt that says ``api``: the same words to OpenAI and Anthropic as to Gemini, in one scoreboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import newsgauge
from newsgauge.cli.main import main
from newsgauge.errors import UsageError, VariantsError
from newsgauge.records import Outcome
from newsgauge.scoring.prices import Price, find_price, load_prices
from newsgauge.variants.variants_file import load_variants
from tests.plugin.other_services import OtherServices

pytest.importorskip("openai")
pytest.importorskip("anthropic")
KEY = "sk-" + "planted0123456789abcdef"
PROMPT = """
about = "told the labels"
model = "gemini-3.5-flash-lite"
system_instruction = "Name one of {labels}"
contents = "{post}"
answer = "enum"
max_output_tokens = 20
"""
VARIANTS = f"[ours]{PROMPT}\n[gpt]{PROMPT}api = 'openai'\n[claude]{PROMPT}api = 'anthropic'\nconfig.top_k = 1\n"
FOLDER = Path("cassettes/embedded/bundled")


@pytest.fixture
def service(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherServices]:
    Path("evals/variants.toml").write_text(VARIANTS)
    Path("evals/gates.toml").write_text("")
    Path("evals/test_gates.py").unlink()
    with OtherServices() as service:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", service.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield service


def lines(variant: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in (FOLDER / f"{variant}.jsonl").read_text().splitlines()]


def test_one_prompt_goes_to_three_services_is_replayed_and_stale_by_one_word(
    project: pytest.Pytester, service: OtherServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert recorded.ret == 0, recorded.stdout.str()
    assert sorted(path for path, _, _ in service.asked) == ["/v1/chat/completions"] * 8 + ["/v1/messages"] * 8
    for path, _, body in service.asked:
        said = body["messages"][0]["content"] if "chat" in path else body["system"]
        assert said == "Name one of sci.med\nsci.space"
        assert body["max_completion_tokens" if "chat" in path else "max_tokens"] == 20
    for variant in ("gpt", "claude"):
        kept = (FOLDER / f"{variant}.jsonl").read_text()
        assert "Name one of sci.med" in kept  # a prompt stays in clear, as Gemini's does
        assert "planted" not in kept
        assert "127.0.0.1" not in kept
        assert '"sha256":' in kept
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name)
    replayed = project.runpytest_inprocess("evals")
    assert replayed.ret == 0
    replayed.stdout.re_match_lines([r"ours +8 ", r"gpt +8 +50\.0%", r"claude +8 +50\.0%"])
    Path("evals/variants.toml").write_text(VARIANTS.replace("Name one of", "Name any of"))
    stale = project.runpytest_inprocess("evals", "--variants", "gpt,claude")
    assert stale.ret == 1
    stale.stdout.fnmatch_lines(["*gpt.jsonl:1: variant 'gpt' changed since it was recorded: prompt: *Name*"])
    stale.stdout.fnmatch_lines(["*claude.jsonl:1: variant 'claude' changed since*: system instruction: *Name*"])


def test_the_embedded_backend_answers_as_openai_and_says_where_anthropic_is_asked(
    project: pytest.Pytester,
    service: OtherServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name)
    plan = ["--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
    assert main(["record", *plan, "--variants", "ours,gpt"]) == 0, capsys.readouterr()
    result = project.runpytest_inprocess("evals", "--variants", "ours,gpt")
    assert result.ret == 0, result.stdout.str()
    assert {line["response"]["body"]["object"] for line in lines("gpt")} == {"chat.completion"}
    assert service.asked == []
    assert main(["record", *plan, "--variants", "claude"]) == 2
    assert "api = 'anthropic': the embedded backend speaks the APIs of Gemini and OpenAI" in capsys.readouterr().err
    assert main(["record", *plan, "--variants", "claude", "--backend", "gemini"]) == 2
    assert "asking it needs a key in ANTHROPIC_API_KEY, none is set" in capsys.readouterr().err
    asked = pytest.fail.Exception("Gemini was asked")
    monkeypatch.setattr("google.genai.models.Models.generate_content", Mock(side_effect=asked))
    assert main(["classify", "--variant", "gpt", "--classes", "^sci.(space|med)$", "The shuttle reached orbit"]) == 0
    assert capsys.readouterr().out.split()[0] in ("sci.space", "sci.med")


@pytest.mark.parametrize("variant", ["gpt", "claude"])
@pytest.mark.parametrize("fault", ["401", "404", "503", "echo", "no version"])
def test_no_key_leaks_by_any_failure(
    project: pytest.Pytester, service: OtherServices, monkeypatch: pytest.MonkeyPatch, variant: str, fault: str
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "none")
    service.fault = fault
    result = project.runpytest_inprocess(
        "evals", "--record-mode", "once", "--variants", variant, "--retry-deadline", "0", "--backend", "gemini"
    )
    assert result.ret == 1
    assert service.asked[0][1].get("authorization", "").endswith(KEY) or KEY in json.dumps(service.asked[0][1])
    file = Path(f"cassettes/gemini/bundled/{variant}.jsonl")
    assert not file.exists() or not file.read_text()
    written = [path.read_text(errors="replace") for path in Path(".newsgauge").rglob("*") if path.is_file()]
    assert not [text for text in (result.stdout.str(), result.stderr.str(), *written) if "planted0123" in text]
    if fault.isdecimal():
        result.stdout.fnmatch_lines([f"*gemini-3.5-flash-lite: {fault}: no: *"])


@pytest.mark.parametrize(
    ("variant", "fault", "kind"),
    [
        ("gpt", "length", "cut"),
        ("gpt", "content_filter", "blocked"),
        ("claude", "max_tokens", "cut"),
        ("claude", "refusal", "blocked"),
    ],
)
def test_answers_that_are_cut_or_refused_count_as_such_and_can_be_asked_again(
    project: pytest.Pytester, service: OtherServices, variant: str, fault: str, kind: str
) -> None:
    service.fault = fault
    plan = ["evals", "--variants", variant, "--record-mode"]
    project.runpytest_inprocess(*plan, "once")
    rows = Path(".newsgauge/results/results.csv").read_text().splitlines()[1:]
    assert [row.split(",")[5] for row in rows] == [kind] * 8
    service.fault = ""
    service.asked.clear()
    assert project.runpytest_inprocess(*plan, "new_episodes", "--again", kind).ret == 0
    assert len(service.asked) == 8


def test_the_ready_made_techniques_take_what_a_variant_takes(
    service: OtherServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = ("sci.med", "sci.space")
    for ask in (newsgauge.ask_openai, newsgauge.ask_anthropic):
        said = ask("A text.", labels=labels, model="m", contents="Which of these? {labels}\n\n{post}", answer="enum")
        assert (said.label, said.outcome) == ("sci.med", Outcome.LABEL)
        assert (said.input_tokens, said.output_tokens, said.thinking_tokens, said.cached_tokens) == (120, 30, 25, 20)
        assert said.model_version == "m-2026-08-06"
    with pytest.raises(VariantsError, match=r"ask_openai: config: api 'openai' takes no 'top_k'; known: "):
        newsgauge.ask_openai("A text.", labels=labels, model="m", config={"top_k": 1})
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(UsageError, match=r"needs the package openai, which is not installed: pip install 'newsgauge"):
        newsgauge.ask_openai("A text.", labels=labels, model="m")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("api = 'llama'", "'api' is 'llama'; known: gemini, openai, anthropic"),
        ("api = 'openai'\nlocation = 'global'", "'location' is Gemini's, and api = 'openai'"),
        ("api = 'anthropic'\nconfig.seed = 1", "config: api 'anthropic' takes no 'seed'; known: max_output_tokens, "),
    ],
)
def test_a_mistake_in_the_table_is_one_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "variants.toml"
    path.write_text(f"[own]{PROMPT}{line}\n")
    with pytest.raises(VariantsError) as caught:
        load_variants(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("version", ["gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", "claude-opus-4-8-20260528"])
def test_a_dated_version_has_the_price_of_its_model(version: str) -> None:
    found = find_price(load_prices(day=date(2026, 11, 25)), version)
    assert isinstance(found, Price)
    assert found.source.startswith("https://")
