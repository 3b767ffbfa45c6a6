"""Everything that must not be committed is found where it was planted, and named without being repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newsgauge._util.secrets import find_addresses, find_secrets, hide_secrets
from newsgauge.cassettes.audit import audit_file, find_orphans, find_quotations
from newsgauge.cassettes.line import Line
from newsgauge.cassettes.store import CassetteFile
from tests.cassettes.cassette_lines import PROVENANCE, make_line

Write = Callable[..., Path]

#: Each kind as it is issued, put together here so that no file holds one.
SECRETS = {
    "Google API key": "AI" + "zaSyD-0123456789abcdefghijklmnopqrstu",
    "AI Studio key": "A" + "Q.Ab8RN6I0123456789abcdefghij",
    "OAuth access token": "ya" + "29.a0AfH6SMBx0123456789",
    "bearer token": "Bea" + "rer eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    "key in a URL": "https://service.example/v1/models?" + "key=abcdef0123",
    "key header": "x-goog-" + "api-key",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "service account": '{"type": "service_' + 'account", "project_id": "p"}',
}


def found(path: Path) -> list[str]:
    return [str(finding) for finding in audit_file(path, shown="v.jsonl")]


def test_good_lines_are_good(write_cassette: Write) -> None:
    assert found(write_cassette(make_line("a-1"), make_line("b-2"))) == []


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("where", ["answer", "prompt", "name", "after"])
def test_a_planted_secret_is_found_and_not_repeated(write_cassette: Write, kind: str, where: str) -> None:
    secret = SECRETS[kind]
    good = make_line("b-2")
    planted: Line | bytes = {  # type: ignore[assignment]
        "answer": make_line("b-2", f"It is {secret}"),
        "prompt": make_line("b-2", body={"contents": [{"parts": [{"text": f"Use {secret} to"}]}]}),
        "name": make_line("b-2", answer={secret: 1, "modelVersion": "gemini-3.5-flash-lite"}),
        "after": good.encode() + f"{secret}\n".encode(),
    }[where]
    messages = found(write_cassette(make_line("a-1"), planted))
    number = 3 if where == "after" else 2
    assert any(
        message.startswith(f"v.jsonl:{number}: holds what looks like a secret") and kind in message
        for message in messages
    )
    assert secret not in "".join(messages)


@pytest.mark.parametrize(
    "text", ["AIzawa lives here", "AQ. It was", "the bearer of news", "risk-key=x", "a public key", "?keyboard=1"]
)
def test_ordinary_words_are_no_secret(text: str) -> None:
    assert find_secrets(text, environ={}) == []
    assert hide_secrets(text, environ={}) is text or hide_secrets(text, environ={}) == text


def test_the_key_in_the_environment_is_found_whatever_its_shape() -> None:
    environ = {"GEMINI_API_KEY": "no usual shape"}
    assert find_secrets("it holds no usual shape at all", environ=environ) == ["value of GEMINI_API_KEY"]
    assert hide_secrets("it holds no usual shape at all", environ=environ) == "it holds [secret] at all"
    assert find_secrets("short", environ={"GEMINI_API_KEY": "short"}) == []


@pytest.mark.parametrize("kind", [kind for kind in SECRETS if kind != "key header"])
def test_a_hidden_secret_is_gone(kind: str) -> None:
    assert hide_secrets(f"before {SECRETS[kind]} after", environ={}).startswith("before ")
    assert find_secrets(hide_secrets(f"before {SECRETS[kind]} after", environ={}), environ={}) == []


@pytest.mark.parametrize("address", ["someone@example.org", "a.b+c@mail.example.co.uk", "root@host.cs.cmu.edu"])
def test_an_address_is_found(write_cassette: Write, address: str) -> None:
    assert found(write_cassette(make_line("a-1", f"Ask {address}."))) == ["v.jsonl:1: holds an e-mail address"]
    assert find_addresses(f"<{address}>") == [address]


@pytest.mark.parametrize("text", ["at 5 @ $3", "@home", "user@", "a@b", "rec.autos @ noon"])
def test_an_at_sign_is_no_address(text: str) -> None:
    assert find_addresses(text) == []


def test_duplicates_and_disorder_are_found(write_cassette: Write) -> None:
    messages = found(write_cassette(make_line("b-2"), make_line("b-2", "rec.autos"), make_line("a-1")))
    assert messages == [
        "v.jsonl:2: b-2 appears twice; the later line counts. Run: newsgauge cassettes finalize",
        "v.jsonl:3: not sorted: a-1 comes after b-2. Run: newsgauge cassettes finalize",
    ]


def test_orphans_are_one_finding_per_file_with_both_ways_out(write_cassette: Write) -> None:
    path = write_cassette(make_line("a-1"), make_line("b-2"), make_line("c-3"))
    ways_out = "Add the plan that recorded it to PLANS.toml, or drop it: newsgauge cassettes prune --yes --paid"
    assert [str(one) for one in find_orphans(path, {"a-1", "c-3"}, shown="v.jsonl")] == [
        f"v.jsonl:2: orphan: no plan of PLANS.toml asks for b-2. {ways_out}"
    ]
    assert [str(one) for one in find_orphans(path, {"a-1"}, shown="v.jsonl")] == [
        f"v.jsonl:2: orphan: no plan of PLANS.toml asks for b-2 and for 1 more lines. {ways_out}"
    ]
    assert [str(one) for one in find_orphans(path, None, shown="v.jsonl")] == [
        f"v.jsonl: no plan of PLANS.toml asks for this file (3 lines). {ways_out}"
    ]
    assert find_orphans(path, {"a-1", "b-2", "c-3"}, shown="v.jsonl") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda raw: raw.replace(b"sci.space", b"sci.spacf"),
            "not a recorded case: its digest does not fit what it says",
        ),
        (lambda raw: raw[:-30] + b"\n", "not a recorded case"),
        (lambda raw: b"=======\n", "not a recorded case: cut, a merge conflict"),
        (lambda raw: raw.replace(b"\n", b"\r\n"), "1 lines end in CRLF: git changed the file on checkout. Put"),
        (lambda raw: raw.replace(b'"format":2', b'"format":3'), "not a recorded case"),
    ],
    ids=["flipped", "cut", "conflict", "crlf", "newer"],
)
def test_damage_is_found(write_cassette: Write, change: Callable[[bytes], bytes], words: str) -> None:
    messages = found(write_cassette(change(make_line("a-1").encode()), make_line("b-2")))
    assert len(messages) == 1
    assert messages[0].startswith(f"v.jsonl:1: {words}")


def test_what_is_said_of_crlf_mends_it_and_loses_no_line(write_cassette: Write) -> None:
    lines = [make_line(key).encode() for key in ("a-1", "b-2", "c-3")]
    path = write_cassette(*(raw.replace(b"\n", b"\r\n") for raw in lines[:2]), lines[2])
    (message,) = found(path)
    assert message.startswith("v.jsonl:1: 2 lines end in CRLF")
    assert message.endswith("and run: newsgauge cassettes finalize")
    assert CassetteFile(path).finalize()
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"provenance": {**PROVENANCE, "backend": "vertex"}}, "lies in the folder of backend 'gemini', but backend"),
        ({"provenance": {**PROVENANCE, "model_version": "x"}}, "provenance says model version 'x', the answer says"),
        (
            {"provenance": {k: v for k, v in PROVENANCE.items() if k != "recorded"}},
            "'recorded' is a required",
        ),
        (
            {"headers": {"content-type": "application/json", "x-request-id": "7"}},
            "'x-request-id' is none that the profile of gemini keeps",
        ),
        ({"status": 429}, "response.status: expected const 200, got 429"),
    ],
)
def test_a_line_that_says_another_thing_is_found(write_cassette: Write, changed: dict[str, object], words: str) -> None:
    messages = found(write_cassette(make_line("a-1", **changed)))  # type: ignore[arg-type]
    assert any(words in message for message in messages), messages


def test_only_an_answer_of_a_model_has_to_name_its_version(write_cassette: Write) -> None:
    unnamed = {key: value for key, value in PROVENANCE.items() if key != "model_version"}
    path = "/v1/models/gemini-3.5-flash-lite:countTokens"
    assert found(write_cassette(make_line("a-1", path=path, answer={"totalTokens": 7}, provenance=unnamed))) == []
    model = {"name": "tunedModels/m", "state": "ACTIVE"}
    got = make_line("t", method="GET", path="/v1beta/tunedModels/m", body=None, answer=model, provenance=unnamed)
    assert found(write_cassette(got)) == []
    assert found(write_cassette(make_line("a-1", answer={"candidates": []}, provenance=unnamed))) == [
        "v.jsonl:1: the answer names no model version, so nobody knows which model it was"
    ]


def test_an_embedded_answer_cannot_pass_for_geminis(write_cassette: Write) -> None:
    version = {"modelVersion": "newsgauge-embedded-base-2"}
    line = make_line("a-1", answer=version, provenance={**PROVENANCE, "model_version": version["modelVersion"]})
    assert found(write_cassette(line)) == [
        "v.jsonl:1: backend 'gemini' cannot have answered as 'newsgauge-embedded-base-2'"
    ]


def test_a_copied_passage_is_found_and_a_shared_phrase_is_not() -> None:
    theirs = "One line.\nThe mirror of the telescope was ground too flat by two microns.\nAnother line."
    copied = "It says that the telescope was ground too flat by two microns, or so."
    shared = "It says that the telescope was ground very well."
    found = find_quotations({"copied": [copied], "shared": [shared]}, theirs)
    assert found.keys() == {"copied"}
    assert "the telescope was ground too flat by two" in found["copied"]


def test_a_key_is_hidden_from_the_moment_that_it_is_set_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "the answer to made-up-Key-1234 is 42"
    assert hide_secrets(said) == said
    monkeypatch.setenv("MY_API_KEY", "made-up-Key-1234")
    assert hide_secrets(said) == "the answer to [secret] is 42"
    monkeypatch.setenv("MY_API_KEY", "another-Key-5678")
    assert hide_secrets(said) == said


def test_a_file_with_other_line_endings_is_one_finding(write_cassette: Write) -> None:
    path = write_cassette(*(make_line(f"a-{n}") for n in range(9)))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (finding,) = audit_file(path, shown="cassettes/gemini/mine/v.jsonl")
    assert "9 lines end in CRLF" in str(finding)
    assert "'cassettes/** -text'" in str(finding)
