"""A stale recording says which part changed, in words one knows from variants.toml, and names no other part."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.cassettes.digest import canonical
from newsgauge.cassettes.line import Line, decode
from newsgauge.cassettes.open_case import Asked
from newsgauge.cassettes.staleness import describe_change
from tests.cassettes.cassette_lines import make_line

MARK = {"chars": 744, "sha256": "a" * 64}
OTHER = {"chars": 746, "sha256": "b" * 64}


def between(recorded: Line, path: str, body: Any) -> str:
    return describe_change(recorded, Asked("POST", path, canonical(body)))


SAME_LENGTH = {"chars": 744, "sha256": "c" * 64}
PATH = "/v1/models/gemini-3.5-flash-lite:generateContent"
BODY: dict[str, Any] = {
    "contents": [{"parts": [{"text": ["Which newsgroup?\n\n", MARK]}], "role": "user"}],
    "generationConfig": {
        "maxOutputTokens": 20,
        "responseMimeType": "text/x.enum",
        "responseSchema": {"enum": ["rec.autos", "sci.med", "sci.space"], "type": "STRING"},
    },
    "systemInstruction": {"parts": [{"text": "Name the newsgroup."}], "role": "user"},
}


def change(place: list[Any], value: object, path: str = PATH) -> str:
    now = copy.deepcopy(BODY)
    target: Any = now
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return between(make_line("a-1", body=BODY, path=PATH), path, now)


def test_an_equal_request_is_not_stale() -> None:
    assert between(make_line("a-1", body=BODY, path=PATH), PATH, copy.deepcopy(BODY)) == ""


def test_a_line_that_holds_the_request_word_for_word_fits_without_its_body_being_read() -> None:
    line = make_line("a-1", body=BODY, path=PATH)
    asked = Asked("POST", PATH, canonical(BODY))
    assert asked.fits(line)
    assert asked.fits(replace(decode(line.encode()), body={}))
    assert not asked.fits(replace(line, body={}))


TEXT = ["contents", 0, "parts", 0, "text"]
SYSTEM = ["systemInstruction", "parts", 0, "text"]
ENUM = ["generationConfig", "responseSchema", "enum"]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (
            SYSTEM,
            "State the newsgroup.",
            'system instruction: recorded "Name the newsgroup.", now "State the newsgroup."',
        ),
        (["systemInstruction"], None, 'system instruction: recorded "Name the newsgroup.", now nothing'),
        (TEXT, ["What is it?\n", MARK], r'prompt: recorded "Which newsgroup?\n\n{post}", now "What is it?\n{post}"'),
        (TEXT, MARK, r'prompt: recorded "Which newsgroup?\n\n{post}", now "{post}"'),
        (TEXT, ["Which newsgroup?\n\n", OTHER], "text: recorded 744 characters, now 746 (corpus or preprocessing"),
        (
            TEXT,
            ["Which newsgroup?\n\n", SAME_LENGTH],
            "text: another text of 744 characters than the one recorded",
        ),
        (ENUM, ["rec.autos", "sci.med"], 'answer schema: now without "sci.space"'),
        (ENUM, ["sci.med", "rec.autos", "sci.space"], "answer schema: the same entries in another order"),
        (ENUM, ["rec.boats", "sci.med", "sci.space"], 'answer schema: now without "rec.autos" and with "rec.boats"'),
        (
            ENUM,
            list("abcde"),
            'answer schema: now without "rec.autos", "sci.med", "sci.space" and with "a", "b", "c" and 2',
        ),
        (
            ["generationConfig", "responseMimeType"],
            "text/plain",
            'answer schema: recorded "text/x.enum", now "text/plain"',
        ),
        (["generationConfig", "maxOutputTokens"], 10, "generation config (maxOutputTokens): recorded 20, now 10"),
        (["generationConfig", "temperature"], 0.5, "generation config (temperature): recorded nothing, now 0.5"),
        (["safetySettings"], "x", 'safetySettings: recorded nothing, now "x"'),
    ],
)
def test_the_changed_part_is_named_alone(place: list[Any], value: object, words: str) -> None:
    said = change(place, value)
    assert words in said
    if place != ["systemInstruction"]:
        assert "; " not in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            ["example a-1", "example b-2"],
            ["example a-1", "example c-3"],
            "examples: recorded 2, now 2, of them 1 as recorded",
        ),
        (["made"], ["made"], "{text}: another text than the one recorded, made from the text or from an answer"),
    ],
)
def test_texts_that_are_not_the_post_are_told_apart(old: list[str], new: list[str], words: str) -> None:
    def body(names: list[str], digit: str) -> dict[str, Any]:
        marks = [{"chars": 9, "of": of, "sha256": (of[-3] if of != "made" else digit) * 64} for of in names]
        return {"contents": [{"parts": [{"text": ["Like this:", *marks]}]}]}

    assert between(make_line("a-1", body=body(old, "a"), path=PATH), PATH, body(new, "b")) == words


def test_another_model_is_named() -> None:
    said = between(make_line("a-1", body=BODY, path=PATH), PATH.replace("3.5", "4"), BODY)
    assert said == (f'model: recorded "{PATH}", now "/v1/models/gemini-4-flash-lite:generateContent"')


def test_a_long_text_is_shown_around_the_change() -> None:
    long = "You are a service that sorts mail. " * 5 + "Reply with the name of that newsgroup and nothing else."
    old = {**BODY, "systemInstruction": {"parts": [{"text": long}]}}
    new = {**BODY, "systemInstruction": {"parts": [{"text": long.replace("nothing else", "no more")}]}}
    said = between(make_line("a-1", body=old, path=PATH), PATH, new)
    assert said == 'system instruction: recorded "...newsgroup and nothing else.", now "...newsgroup and no more."'
    lines = {**BODY, "systemInstruction": "One of these Usenet groups:\n" + "rec.autos\nsci.med\nsci.space\n" * 9}
    fewer = {**lines, "systemInstruction": lines["systemInstruction"].replace("Usenet ", "")}
    assert between(make_line("a-1", body=lines, path=PATH), PATH, fewer) == (
        r'system instruction: recorded "...of these Usenet groups:\nrec.autos\n...", '
        r'now "...of these groups:\nrec.autos\n..."'
    )


def test_of_several_changes_of_a_part_the_first_is_shown_and_the_others_counted_and_letters_stay() -> None:
    def said(*texts: str) -> dict[str, Any]:
        return {**BODY, "systemInstruction": {"parts": [{"text": text} for text in texts]}}

    recorded = make_line("a-1", body=said("Name it.", "Be brief.", "Thanks."), path=PATH)
    words = between(recorded, PATH, said("Say it.", "Be short.", "Thank you."))
    assert words == 'system instruction: recorded "Name it.", now "Say it.", and 2 more'
    assert between(recorded, PATH, said("Say it.", "Be short.", "Thanks.")).endswith(', now "Say it.", and 1 more')
    assert between(recorded, PATH, said("Nenne Ärzte.", "Be brief.", "Thanks.")) == (
        'system instruction: recorded "Name it.", now "Nenne Ärzte."'
    )
    assert change(ENUM, ["rec.autos", "sci.med", "sci.space", "Ärzte"]) == 'answer schema: now with "Ärzte"'


def test_all_changed_parts_are_named_once() -> None:
    now = copy.deepcopy(BODY)
    now["systemInstruction"]["parts"][0]["text"] = "State it."
    now["contents"][0]["parts"][0]["text"] = [OTHER, "\n\nWhich newsgroup?"]
    now["generationConfig"]["maxOutputTokens"] = 5
    said = between(make_line("a-1", body=BODY, path=PATH), "/v1/models/other:generateContent", now)
    names = [clause.partition(":")[0] for clause in said.split("; ")]
    assert names == ["model", "prompt", "generation config (maxOutputTokens)", "system instruction", "text"]


TEXTS = st.text(max_size=8) | st.just(MARK) | st.lists(st.text(min_size=1, max_size=3) | st.just(MARK), max_size=3)
BODIES = st.dictionaries(st.sampled_from(["contents", "generationConfig"]), TEXTS | st.just({}) | st.just({"a": [1]}))


@given(BODIES, BODIES)
def test_there_are_words_exactly_where_requests_differ(one: object, other: object) -> None:
    said = between(make_line("a-1", body=one, path=PATH), PATH, other)
    assert bool(said) == (one != other)


def test_an_excerpt_shows_the_difference_within_a_long_word() -> None:
    labels = [f"section-{n:02}" for n in range(24)]
    renamed = [label if label != "section-20" else "chapter-20" for label in labels]
    before, after = ({**BODY, "systemInstruction": "Labels:\n" + "\n".join(names)} for names in (labels, renamed))
    said = between(make_line("a-1", body=before, path=PATH), PATH, after)
    recorded, _, now = said.partition(", now ")
    assert "section-20" in recorded
    assert "chapter-20" in now


@pytest.mark.parametrize(("n", "shown"), [(70, "a" * 70), (71, "a" * 67 + "...")])
def test_an_excerpt_has_up_to_70_characters(n: int, shown: str) -> None:
    before, after = ({**BODY, "systemInstruction": letter * n} for letter in "ab")
    assert f'recorded "{shown}", now ' in between(make_line("a-1", body=before, path=PATH), PATH, after)


MAIL = "You are a service that sorts all the mail that comes to this house, "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (MAIL + "today {} it now", "...house, today {} it now"),
        (MAIL + "today {} it now please", "...house, today {} it now..."),
        ("Say it: {} it now, " + MAIL, "Say it: {} it now,..."),
        ("Just say it: {} it now, " + MAIL, "...say it: {} it now,..."),
    ],
)
def test_an_excerpt_has_two_words_on_each_side_of_the_change_and_dots_where_more_were_left_out(
    text: str, shown: str
) -> None:
    old, new = ({**BODY, "systemInstruction": text.format(word)} for word in ("name", "guess"))
    expected = f'system instruction: recorded "{shown.format("name")}", now "{shown.format("guess")}"'
    assert between(make_line("a-1", body=old, path=PATH), PATH, new) == expected
