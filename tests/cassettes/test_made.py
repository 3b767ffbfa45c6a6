"""Whatever a technique makes of a post, no passage of it gets into what is kept; what stands in its source does."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsgauge.cassettes.digest import (
    Block,
    Clear,
    digest_body,
    digest_made,
    mark,
    put_quotes_back,
    take_quotes_out,
    unquote,
)

POST = (
    "Re: Hubble\n\nThe mirror was ground to the wrong figure, by some two microns at the edge.\n"
    "Stra\u00dfe\tunverd\u00e4chtig."
)
PROMPT = "Which newsgroup does this come from?\n\n"
CLEAR = Clear([PROMPT, "sci.space", "Answer in one word:", "a", "e", " "])

#: What a technique may do to a text before it asks.
CHANGES: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.lower,
    str.swapcase,
    str.title,
    str.strip,
    lambda text: " ".join(text.split()),
    lambda text: text.replace("\n", "\r\n  "),
    lambda text: text[: len(text) // 2],
    lambda text: text[7:],
    lambda text: text + text,
    lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    lambda text: json.dumps(text),
]


def body(*texts: str, **more: Any) -> bytes:
    return json.dumps({"contents": [{"parts": [{"text": text} for text in texts], "role": "user"}], **more}).encode()


def texts_of(raw: bytes) -> list[Any]:
    return [part["text"] for part in json.loads(raw)["contents"][0]["parts"]]


def folded(text: str) -> str:
    """Written anew, without the code under test: one blank for white space, one case."""
    return re.sub(r"\s+", " ", text).casefold()


def passages(post: str) -> set[str]:
    text = folded(post)
    return {text[start : start + 40] for start in range(len(text) - 39)}


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


ANY_POST = st.text(st.characters(exclude_categories=["Cs"]), min_size=40, max_size=400) | st.text(
    "abc \n", min_size=40, max_size=200
)


@given(post=ANY_POST, change=st.sampled_from(CHANGES), before=st.sampled_from(["", PROMPT, "Answer in one word:"]),
       literals=st.lists(st.integers(0, 300), max_size=4))  # fmt: skip
@example(post=POST, change=str.upper, before=PROMPT, literals=[])
@example(post="x" * 80, change=str, before="", literals=[0, 8])
def test_no_passage_of_the_post_is_left_in_a_request(
    post: str, change: Callable[[str], str], before: str, literals: list[int]
) -> None:
    # Pieces of the post itself among the literals: somebody pasted it into the source.
    clear = Clear([PROMPT, *(post[start : start + 30] for start in literals), post[5:50]])
    made = change(post)
    middle = len(made) // 2
    raw = body(before + made, made[:middle], made[middle:],
               systemInstruction={"parts": [{"text": made}]},
               generationConfig={"stopSequences": [made[:64]], "responseSchema": {"properties": {made[:60]: {}}}},
               tools=[{"functionDeclarations": [{"description": made}]}])  # fmt: skip
    kept = digest_made(raw, post, clear)
    left = [text for text in [kept.decode(), *strings(json.loads(kept))] for one in [folded(text)]
            if any(one[start : start + 40] in passages(post) for start in range(len(one) - 39))]  # fmt: skip
    assert left == []


@given(post=ANY_POST, change=st.sampled_from(CHANGES), around=st.text(max_size=50))
@example(post=POST, change=str.upper, around="so")
def test_no_passage_of_the_post_is_left_in_an_answer(post: str, change: Callable[[str], str], around: str) -> None:
    answer = {"candidates": [{"content": {"parts": [{"text": around + change(post) + around}]}}]}
    kept = folded(strings(take_quotes_out(answer, post))[-1])
    marks = r"\[(characters \d+-\d+|\d+ characters) of the post\]"
    parts = re.split(marks, kept)
    assert not [p for p in parts for i in range(len(p) - 39) if p[i : i + 40] in passages(post)]


@given(post=ANY_POST, start=st.integers(0, 300), length=st.integers(0, 100), around=st.text("xyz .", max_size=50))
@example(post="0" * 51 + "\u00df", start=13, length=39, around="")  # 39 characters that fold to 40
def test_an_exact_quotation_comes_back_as_it_was(post: str, start: int, length: int, around: str) -> None:
    answer = {"text": [around + post[start : start + length] + around]}
    assert put_quotes_back(take_quotes_out(answer, post), post) == answer


def test_an_exact_quotation_is_told_by_where_it_stands() -> None:
    assert take_quotes_out(f"It says: {POST[12:70]}!", POST) == "It says: [characters 12-70 of the post]!"


def test_likeness_is_told_by_its_length() -> None:
    assert take_quotes_out(f"IT SAYS: {POST[12:70].upper()}!", POST) == "IT SAYS:[59 characters of the post]!"


def test_a_prompt_of_the_source_stays_in_clear_around_the_post() -> None:
    before, post = texts_of(digest_made(body(PROMPT + POST), POST, CLEAR))[0]
    assert before == PROMPT
    assert post == {"chars": len(POST), "sha256": hashlib.sha256(POST.encode()).hexdigest()}


def test_what_is_made_from_the_post_is_a_digest_that_says_so() -> None:
    cut = POST[:50]
    assert texts_of(digest_made(body(PROMPT + cut), POST, CLEAR))[0] == [
        PROMPT, {"chars": 50, "of": "made", "sha256": hashlib.sha256(cut.encode()).hexdigest()}
    ]  # fmt: skip


def test_a_short_text_of_the_source_is_no_key_to_the_post() -> None:
    (kept,) = texts_of(digest_made(body("a e a e"), POST, CLEAR))
    assert kept == mark("a e a e", "made")


def test_settings_are_kept() -> None:
    config = {"temperature": 1.0, "responseMimeType": "text/x.enum", "responseSchema": {"enum": ["sci.space"]}}
    kept = json.loads(digest_made(body(PROMPT, generationConfig=config), POST, CLEAR))
    assert (kept["generationConfig"], kept["contents"][0]["role"]) == (config, "user")


def test_different_requests_stay_different() -> None:
    requests = [body(POST), body(POST.upper()), body(POST, POST), body(POST + "."), body(PROMPT + POST), body("")]
    assert len({digest_made(raw, POST, CLEAR) for raw in requests}) == len(requests)


@pytest.mark.parametrize("raw", [b"", b"[]", b'"text"'])
def test_a_body_that_is_no_object_is_a_digest(raw: bytes) -> None:
    assert b"text" not in digest_made(raw, POST, CLEAR)


SHOWN = Block(
    "One\n-> a\n\nTwo\n-> b",
    (mark("One", "example a-1"), "\n-> a\n\n", mark("Two", "example b-2"), "\n-> b"),
    ("One", "Two"),
)


def test_examples_become_digests_between_what_is_said_of_them() -> None:
    raw = json.dumps({"systemInstruction": f"Like these:\n{SHOWN.text}!", "contents": f"{POST}?"}).encode()
    kept = json.loads(digest_body(raw, POST, (SHOWN,)))
    assert kept["systemInstruction"] == ["Like these:\n", *SHOWN.segments, "!"]
    assert kept["contents"] == [mark(POST), "?"]


def test_an_answer_that_quotes_an_example_does_not_keep_it() -> None:
    text = "A long text of another post, of more than forty characters."
    block = Block(text, (mark(text),), (text,))
    assert unquote(f"As in: {text}", POST, (block,)) == f"As in: [{len(text)} characters of the post]"
