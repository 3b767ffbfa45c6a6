"""Labels that cannot all be right are found: one text under two labels, and labels that are written alike."""

from __future__ import annotations

import pytest

from newsgauge.corpora.suspect_labels import LabelledText, SuspectText, find_suspect_texts, labels_written_alike

SENTENCE = "the parcel of last week has not arrived yet and nobody at your office answers the phone when I call"


def text(number: int, label: str, words: str, split: str = "test") -> LabelledText:
    return LabelledText(f"{label}-{number}", label, split, words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "alike"),
    [
        (["Billing", "billing", "login"], [("Billing", "billing")]),
        (["a  b", "a b", "a\u00a0b"], [("a  b", "a b", "a\u00a0b")]),
        (["caf\u00e9", "cafe\u0301"], [("cafe\u0301", "caf\u00e9")]),
        (["billing", "billings"], []),
    ],
)
def test_labels_that_differ_only_in_how_they_are_written_are_found(
    labels: list[str], alike: list[tuple[str, ...]]
) -> None:
    assert labels_written_alike(labels) == alike


def test_one_text_under_two_labels_is_found_within_a_split_and_across() -> None:
    found = find_suspect_texts(
        [text(1, "billing", "Card charged."), text(2, "login", "card  charged", "train"), text(3, "login", "other")]
    )
    assert found == [SuspectText(True, (("billing-1", "billing", "test"), ("login-2", "login", "train")))]
    assert str(found[0]) == "the same text under billing, login: billing-1 (test), login-2 (train)"


def test_one_text_twice_under_one_label_is_no_suspect() -> None:
    assert find_suspect_texts([text(1, "a", "card charged"), text(2, "a", "card charged")]) == []


@pytest.mark.parametrize("changed", [0, 10, 19])
def test_a_text_with_one_word_changed_is_a_near_duplicate(changed: int) -> None:
    # 20 words have 18 runs of three; a word at an end is in one of them: Jaccard 17/19. In the middle 15/21 = 0.71.
    words = SENTENCE.split()
    words[changed] = "other"
    found = find_suspect_texts([text(1, "a", SENTENCE), text(2, "b", " ".join(words))])
    assert [one.is_exact for one in found] == ([] if changed == 10 else [False])


def test_texts_of_other_words_and_short_ones_are_none() -> None:
    texts = [text(n, "ab"[n % 2], f"number {n} of {n * 7} many {n * 11} texts {n}") for n in range(200)]
    assert find_suspect_texts([*texts, text(1, "a", "yes please"), text(2, "b", "yes indeed")]) == []


def test_no_text_is_no_suspect() -> None:
    assert find_suspect_texts([]) == []
