# ruff: noqa: E501 (prompts stand as people write them)
"""Prompts as people write them in, what the base model reads in them out: labels, descriptions, examples, the text."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini_emulator.reading.prompt_reading import Reading, read_prompt_parts

T = "My invoice shows a double charge this month."
BD = {
    "billing": "questions about invoices and payments",
    "login": "trouble signing in or with passwords",
    "other": "anything else",
}
L = ("billing", "login", "other")
NG = ("rec.autos", "rec.motorcycles", "sci.med")
TL = ("TeX & LaTeX", "Mail", "C++", "other")
TD = {"TeX & LaTeX": "typesetting", "Mail": "email clients", "C++": "compilers", "other": "the rest"}
EX = (
    ("I forgot my password", "login"),
    ("Refund my payment", "billing"),
    ("Do you have a shop in Rome?", "other"),
)
EL = ("login", "billing", "other")
SYSTEM_LABELS = """You are a service that sorts mail. Each message you are given was posted to one of these Usenet newsgroups:
{labels}
Reply with the name of that newsgroup and nothing else."""


def one(prompt: str) -> Reading:
    """All in one message."""
    return read_prompt_parts("", [("user", prompt)])


def sysm(instruction: str, text: str = T, enum: tuple[str, ...] = ()) -> Reading:
    """A system instruction, and the text as the message."""
    return read_prompt_parts(instruction, [("user", text)], enum)


CASES: dict[str, dict[str, object]] = {}


def add(name: str, reading: Reading, labels: Any = L, desc: Any = None, ex: Any = (), text: Any = T) -> None:
    CASES[name] = {"reading": reading, "labels": labels, "desc": desc or {}, "examples": ex, "text": text}


add(
    "bullets",
    sysm(
        "Classify the ticket.\nLabels:\n- billing: questions about invoices and payments\n- login: trouble signing in or with passwords\n- other: anything else\nReply with the label only."
    ),
    desc=BD,
)
add(
    "numbers",
    sysm(
        "Sort each ticket into one of these categories:\n1. billing - questions about invoices and payments\n2. login - trouble signing in or with passwords\n3. other - anything else"
    ),
    desc=BD,
)
add(
    "colon lines",
    sysm(
        "You sort tickets into these groups:\nbilling\nlogin\nother\nReply with the name of that group and nothing else."
    ),
)
add(
    "label: text",
    sysm(
        "Categories are:\nbilling: questions about invoices and payments\nlogin: trouble signing in or with passwords\nother: anything else\n\nAnswer with the category."
    ),
    desc=BD,
)
add("one of", sysm("Classify the message as one of billing, login, or other."))
add("one of no oxford", sysm("Say which of billing, login or other fits. Answer with the label."))
add("quoted", sysm('Answer with "billing", "login" or "other".'))
add(
    "brackets",
    sysm(
        "Classify into billing (questions about invoices and payments), login (trouble signing in or with passwords) or other (anything else)."
    ),
    desc=BD,
)
add(
    "two labels a sentence",
    sysm(
        "The labels are billing, login, other. billing is for questions about invoices and payments, login is for trouble signing in or with passwords. Use other for anything else."
    ),
    desc={"billing": "invoices", "login": "signing", "other": "anything else"},
)
add(
    "bold",
    sysm(
        "Pick a category:\n\n* **billing**: questions about invoices and payments\n* **login**: trouble signing in or with passwords\n* **other**: anything else\n"
    ),
    desc=BD,
)
add("pipes", sysm("Labels: billing | login | other"))
add(
    "table",
    sysm(
        "Use these labels.\n\n| label | meaning |\n|---|---|\n| billing | questions about invoices and payments |\n| login | trouble signing in or with passwords |\n| other | anything else |\n"
    ),
    desc=BD,
)
add("json array", sysm('Allowed labels: ["billing", "login", "other"]'))
add(
    "json dict",
    sysm(
        'Labels: {"billing": "questions about invoices and payments", "login": "trouble signing in or with passwords", "other": "anything else"}'
    ),
    desc=BD,
)
add(
    "xml",
    sysm(
        '<labels><label name="billing">questions about invoices and payments</label>\n<label name="login">trouble signing in or with passwords</label>\n<label name="other">anything else</label></labels>'
    ),
    desc=BD,
)
add(
    "headings",
    sysm(
        "# Categories\n\n## billing\nquestions about invoices and payments\n\n## login\ntrouble signing in or with passwords\n\n## other\nanything else"
    ),
    desc=BD,
)
add(
    "enum + prose",
    sysm(
        "Questions about invoices go to billing. If somebody has trouble signing in, say login. Everything else is other.",
        enum=L,
    ),
    desc={"billing": "invoices", "login": "signing", "other": "Everything else"},
)
add("one message", one("Classify this ticket as billing, login or other.\n\n" + T))
add("one message text mark", one("Classify the ticket.\nLabels: billing, login, other\n\nText: " + T + "\nLabel:"))
add("one message tags", one("Classify the ticket in <text> tags as billing, login or other.\n<text>" + T + "</text>"))
add("one line", one("Classify as billing, login or other: " + T))
add("quoted one line", one('Is "' + T + '" about billing, login or other?'))
add("text first", one(T + "\n\nWhich category is this: billing, login or other?"))
add("triple", one('Which of these labels fits: billing, login, other?\n"""\n' + T + '\n"""'))
add("arrows", sysm("Label the ticket.\n" + "\n".join(f"{a} -> {b}" for a, b in EX)), labels=EL, ex=EX)
add(
    "arrows list",
    sysm("Labels: billing, login, other\n\nExamples:\n" + "\n".join(f'"{a}" -> {b}' for a, b in EX)),
    ex=EX,
)
add(
    "closed",
    sysm("Label the ticket and nothing else.\n" + "\n\n".join(f"{a}\n-> {b}" for a, b in EX)),
    labels=EL,
    ex=EX,
)
add(
    "blocks one message",
    one("Classify tickets.\n\n" + "\n\n".join(f"Text: {a}\nLabel: {b}" for a, b in EX) + f"\n\nText: {T}\nLabel:"),
    labels=EL,
    ex=EX,
)
add(
    "QA",
    one("Classify tickets.\n\n" + "\n\n".join(f"Q: {a}\nA: {b}" for a, b in EX) + f"\n\nQ: {T}\nA:"),
    labels=EL,
    ex=EX,
)
add(
    "turns",
    read_prompt_parts(
        "Classify tickets as billing, login or other.",
        [x for a, b in EX for x in (("user", a), ("model", b))] + [("user", T)],
    ),
    ex=EX,
)
add(
    "turns no system",
    read_prompt_parts("", [x for a, b in EX for x in (("user", a), ("model", b))] + [("user", T)]),
    labels=EL,
    ex=EX,
)
add(
    "xml ex",
    sysm(
        "Classify: billing, login, other\n<examples>"
        + "".join(f"<example><text>{a}</text><label>{b}</label></example>\n" for a, b in EX)
        + "</examples>"
    ),
    ex=EX,
)
add(
    "jsonl ex",
    sysm(
        "Classify tickets; labels: billing, login, other\n"
        + "\n".join(json.dumps({"text": a, "label": b}) for a, b in EX)
    ),
    ex=EX,
)
add(
    "odd labels",
    sysm(
        "Sections:\n- TeX & LaTeX: typesetting\n- Mail: email clients\n- C++: compilers and libraries\n- other: the rest",
        enum=(),
    ),
    labels=TL,
    desc=TD,
)
add(
    "odd lines",
    sysm(
        "Name the section:\nTeX & LaTeX: typesetting\nMail: email clients\nC++: compilers and libraries\nother: the rest"
    ),
    labels=TL,
    desc=TD,
)
add(
    "dotted",
    sysm("Newsgroups such as sci.med and sci.space and rec.autos exist; name the one of this mail."),
    labels=("sci.med", "sci.space", "rec.autos"),
)
add(
    "zero",
    one("Which newsgroup does the following message come from?\n\nSubject: Orbits\n\nThe moon"),
    labels=(),
    text="Subject: Orbits\n\nThe moon",
)
add("bare", one("Subject: Orbits\n\nThe moon and class of groups"), labels=(), text=None)
add("variant labels", sysm(SYSTEM_LABELS.replace("{labels}", "\n".join(NG)), enum=NG), labels=NG)
add("variant labels no enum", sysm(SYSTEM_LABELS.replace("{labels}", "\n".join(NG))), labels=NG)
add(
    "in two scripts",
    sysm("分类:\n- 科学 science: research\n- спорт sport: games"),
    labels=("科学 science", "спорт sport"),
    desc={"科学 science": "research", "спорт sport": "games"},
)
add("slash", sysm("Classify the sentiment as positive/negative/neutral."), labels=("positive", "negative", "neutral"))
add(
    "sentiment",
    one("Classify the sentiment of this review as positive or negative: I love it"),
    labels=("positive", "negative"),
    text="I love it",
)
add(
    "semicolons",
    sysm(
        "Labels: billing: questions about invoices and payments; login: trouble signing in or with passwords; other: anything else"
    ),
    desc=BD,
)
add("letters", sysm("Choose the category.\n(a) billing\n(b) login\n(c) other"))
add(
    "not a list",
    sysm(
        "You are a service that sorts mail. Reply with the name of the newsgroup and nothing else: no sentence, no punctuation, no explanation."
    ),
    labels=(),
)
add(
    "examples of: msg",
    one(
        "Decide which department gets the ticket: billing, login, other.\n\nTicket: I forgot my password\nDepartment: login\n\nTicket: Refund my payment\nDepartment: billing\n\nTicket: "
        + T
        + "\nDepartment:"
    ),
    ex=EX[:2],
)
add(
    "dash list msg",
    one(
        "Please classify the following message into one of these categories:\n\n- billing\n- login\n- other\n\nMessage:\n"
        + T
    ),
)
add(
    "dash list msg 2",
    one("Please classify the following message into one of these categories:\n\n- billing\n- login\n- other\n\n" + T),
)
add("polite", sysm("Thank you so much for helping us today. Classify the message as one of billing, login, or other."))

TOLD = {"billing": "invoices", "login": "passwords and accounts"}
for name, prompt in {
    "told behind a question": "Which of these is it? billing: invoices; login: passwords and accounts",
    "told behind a colon": "Classify the ticket. Labels: billing: invoices; login: passwords and accounts.",
    "told with dashes": "Tag it with a category: billing - invoices; login - passwords and accounts",
    "told in lines with dashes": "Choose a category:\nbilling - invoices\nlogin - passwords and accounts",
}.items():
    add(name, sysm(prompt), labels=("billing", "login"), desc=TOLD)
add(
    "notes are no labels",
    sysm("Classify the text as a or b. Note: answer in one word; Important: no punctuation."),
    labels=("a", "b"),
)


def test_a_description_is_what_is_said_of_the_label_and_nothing_before_it() -> None:
    assert sysm("Labels: billing: invoices; login: passwords and accounts.").descriptions == TOLD


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_labels_descriptions_examples_and_text_are_found(case: Any) -> None:
    reading = case["reading"]
    assert reading.labels == case["labels"]
    assert reading.examples == case["examples"]
    assert set(reading.descriptions) == set(case["desc"])
    for label, words in case["desc"].items():
        assert words in reading.descriptions[label]
    if case["text"] is not None:
        assert reading.text.strip() == case["text"]


def test_a_list_that_the_examples_do_not_answer_is_no_list() -> None:
    reading = sysm("Sort the mail by day: monday, tuesday.\n\ngive me my money -> billing\nlet me in -> login")
    assert reading.labels == ("billing", "login")


def test_examples_that_contradict_each_other_are_all_kept() -> None:
    reading = sysm("Labels: billing, login, other\n\npay me -> billing\npay me -> login")
    assert reading.examples == (("pay me", "billing"), ("pay me", "login"))


def test_a_label_that_begins_like_another_keeps_its_own_description() -> None:
    reading = sysm("Groups:\n- sci.med: medicine\n- sci.med.nutrition: food\n- sci: anything else")
    assert reading.descriptions == {"sci.med": "medicine", "sci.med.nutrition": "food", "sci": "anything else"}


def test_what_is_said_of_other_labels_than_the_enums_is_nobodys_description() -> None:
    prompt = "## a1\nabout boats\n\n## b2\nabout cars\n\n## c3\nabout trains\n\n- d4\n- e5: ships"
    assert sysm(prompt, enum=("a1", "c3")).descriptions == {"a1": "about boats", "c3": "about trains"}


def test_a_message_that_asks_for_nothing_is_all_text() -> None:
    reading = one("Dear all,\n\nthe meeting is at nine. Bring the class photos.")
    assert (reading.asks, reading.labels) == (False, ())


HOSTILE = {
    "10,000 times labels": "labels " * 10_000,
    "10,000 lines of labels": "labels\n" * 10_000,
    "commas": "labels: " + "a, " * 50_000,
    "quotes": 'label "' * 20_000,
    "open elements": "<text>" * 20_000,
    "bullets": "- a\n" * 50_000,
    "label lines": "a: b\n" * 50_000,
    "arrows": "a -> b\n" * 20_000,
    "arrows on a line": "-> " * 50_000,
    "brackets": "one of " + "(" * 50_000,
    "spaces": " " * 300_000,
    "line feeds": "\n" * 300_000,
    "lists": "category one of a, b or c " * 15_000,
    "2 MB": "word " * 400_000,
    "dots": "a." * 100_000,
    "marks": "Text: a\n\n" * 20_000,
    "answers": "Label: a\n" * 20_000,
    "objects": '{"text":"a","label":"b"}\n' * 10_000,
    "nested objects": '{"a":' * 50_000,
    "headings": "## a\n" * 30_000,
    "rows": "| a | b |\n" * 20_000,
    "a lone surrogate": "\ud800 label a, b or c: x",
    "nothing": "",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", ["message", "instruction", "with an enum of a thousand"])
def test_a_hostile_prompt_is_read_in_time_that_grows_with_its_length_only(hostile: str, place: str) -> None:
    enum = tuple(f"label{number}" for number in range(1000)) if place.startswith("with") else ()
    start = time.process_time()
    if place == "message":
        read_prompt_parts("", [("user", hostile)])
    else:
        read_prompt_parts(hostile, [("user", "hello")], enum)
    assert time.process_time() - start < 3  # half a second is usual; what was not linear took 18


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*"ab:,.-#|<>() ", "label", "text", "->", "one of ", "\n", "Text: ", "or"])))
def test_any_text_is_read(pieces: list[str]) -> None:
    prompt = "".join(pieces)
    for reading in (one(prompt), sysm(prompt), sysm(prompt, enum=("a", "b"))):
        assert set(reading.descriptions) <= set(reading.labels)
        assert {label for _, label in reading.examples} <= set(reading.labels)
