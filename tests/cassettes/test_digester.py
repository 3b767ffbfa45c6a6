"""What is remembered of one request says of the next what digesting it from scratch would say."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from newsgauge.cassettes.digest import Digester, digest_body

# Few letters, so that texts are found in prompts, and escapes that a careless replacement would cut in two.
LETTERS = st.sampled_from(["a", "n", "\\", '"', "\n", "u", "0", "\u00e9", "\U0001f600"])
WORDS = st.text(LETTERS, max_size=6)
TEXTS = st.builds(
    lambda text, tail: text + tail, st.text(LETTERS, max_size=3), st.sampled_from(["", "a" * 45, "n\\" * 30])
)


def body(before: str, text: str, after: str, again: bool) -> bytes:
    value = {
        "contents": [{"parts": [{"text": before + text + after}]}],
        "other": before,
        "again": text if again else "",
    }
    return json.dumps(value).encode("ascii")


@given(st.lists(TEXTS, min_size=2, max_size=5), WORDS, WORDS, st.booleans())
@example(["n" * 40, "t" * 40], "\\", "", False)
@example(["a" * 50, "a" * 60], "a", "a", True)
@example(['"' * 41, "\\" * 41], "\\", '"', True)
def test_a_remembered_form_digests_as_from_scratch(texts: list[str], before: str, after: str, again: bool) -> None:
    digester = Digester()
    for text in texts:
        raw = body(before, text, after, again)
        assert digester.digest(raw, text) == digest_body(raw, text)


def test_a_form_is_digested_once() -> None:
    digester = Digester()
    for number in range(5):
        text = f"post {number} " * 10
        assert digester.digest(body("Which? ", text, "", True), text).count(b"sha256") == 2
    assert len(digester._known) == 1
