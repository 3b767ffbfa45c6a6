"""Each disturbance takes any text, gives the same one again for the same seed, and changes what its name says."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsgauge.variants.disturbances import DISTURBANCES, asked_for

LABELS = ("rec.autos", "sci.med", "sci.space")
MAIL = "Shuttle landing\n\nMary Smith writes:\n> It landed on Friday.\n\nNo, on Saturday."


@given(st.text(), st.text(), st.sampled_from(list(DISTURBANCES)))
@example(" " * 300 + "x", "", "first-200")
@example("subject\n\n ", "", "no-subject")
@example("> all of it is quoted", "", "no-quotes")
def test_any_text_is_disturbed_the_same_way_each_time_and_stays_a_text(text: str, seed: str, name: str) -> None:
    disturbed = DISTURBANCES[name](text, seed, LABELS)
    assert disturbed == DISTURBANCES[name](text, seed, LABELS)
    assert bool(disturbed.strip()) >= bool(text.strip())


@given(st.text(), st.text())
def test_typing_errors_leave_every_letter_and_all_that_is_no_word_in_place(text: str, seed: str) -> None:
    disturbed = DISTURBANCES["typos"](text, seed, LABELS)
    assert Counter(disturbed) == Counter(text)
    moved = [i for i, (one, other) in enumerate(zip(text, disturbed, strict=True)) if one != other]
    assert all(text[i].isalpha() for i in moved)


@given(st.text(), st.text(), st.sampled_from([name for name in DISTURBANCES if name != "injected"]))
def test_only_the_injected_instruction_knows_the_labels(text: str, seed: str, name: str) -> None:
    assert DISTURBANCES[name](text, seed, LABELS) == DISTURBANCES[name](text, seed, ("other", "labels"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no-subject", "Mary Smith writes:\n> It landed on Friday.\n\nNo, on Saturday."),
        ("no-quotes", "Shuttle landing\n\n\nNo, on Saturday."),
        ("upper-case", "SHUTTLE LANDING\n\nMARY SMITH WRITES:\n> IT LANDED ON FRIDAY.\n\nNO, ON SATURDAY."),
        ("first-200", MAIL),
        ("forwarded", f"FYI, see below.\n\n-----Original Message-----\n{MAIL}"),
    ],
)
def test_a_mail_is_disturbed_as_the_name_says(name: str, expected: str) -> None:
    assert DISTURBANCES[name](MAIL, "sci.space-1", LABELS) == expected


def test_one_word_of_ten_gets_a_typing_error_and_one_at_least() -> None:
    words = [f"word{letter * 3}" for letter in "abcdefghijklmnopqrstuvwxy"]  # 25 of them
    disturbed = DISTURBANCES["typos"](" ".join(words), "seed", LABELS).split(" ")
    # Two equal letters may change places, so at most three words differ.
    assert 1 <= sum(one != other for one, other in zip(words, disturbed, strict=True)) <= 3


def test_the_label_that_is_asked_for_varies_with_the_post_alone() -> None:
    asked = Counter(asked_for(f"sci.space-{n}", LABELS) for n in range(300))
    assert set(asked) == set(LABELS)
    assert min(asked.values()) > 70
    text = DISTURBANCES["injected"]("The text.", "sci.space-7", LABELS)
    assert text.startswith("The text.\n\n")
    assert text.endswith(asked_for("sci.space-7", LABELS))
