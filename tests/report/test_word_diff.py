"""Two prompts, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsgauge.report.html.comparison import word_diff


def test_one_changed_word_is_one_mark() -> None:
    assert word_diff("Which newsgroup is it?\n", "Which group is it?\n") == [
        ("same", "Which "),
        ("gone", "newsgroup"),
        ("new", "group"),
        ("same", " is it?\n"),
    ]


@given(st.text(max_size=60), st.text(max_size=60))
def test_both_texts_can_be_read_off_it(before: str, after: str) -> None:
    found = word_diff(before, after)
    assert "".join(text for kind, text in found if kind != "new") == before
    assert "".join(text for kind, text in found if kind != "gone") == after
