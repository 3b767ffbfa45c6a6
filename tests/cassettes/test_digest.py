"""A post's text never gets into what is kept; prompts stay readable."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.cassettes.digest import digest_body, unquote
from newsgauge.cassettes.services import stable_path

POST = "Re: hubble\n\nThe mirror was ground to the wrong figure, by some two microns at the edge."


def test_a_text_that_is_the_post_becomes_its_digest() -> None:
    body = json.dumps({"contents": [{"parts": [{"text": POST}]}]}).encode()
    mark = {"chars": len(POST), "sha256": hashlib.sha256(POST.encode()).hexdigest()}
    assert json.loads(digest_body(body, POST)) == {"contents": [{"parts": [{"text": mark}]}]}


def test_a_prompt_around_the_post_stays_in_clear() -> None:
    body = json.dumps({"text": f"Which newsgroup?\n\n{POST}\n\nAnswer:"}).encode()
    before, mark, after = json.loads(digest_body(body, POST))["text"]
    assert (before, after, set(mark)) == ("Which newsgroup?\n\n", "\n\nAnswer:", {"chars", "sha256"})


@given(st.text(), st.text(), st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_no_part_of_a_digested_body_holds_the_post(before: str, after: str, post: str) -> None:
    body = json.dumps({"t": before + post + after}).encode()
    value = json.loads(digest_body(body, post))["t"]
    segments = value if isinstance(value, list) else [value]
    assert not [segment for segment in segments if isinstance(segment, str) and post in segment]


def test_key_order_and_spaces_do_not_matter() -> None:
    assert digest_body(b'{"a": 1, "b": [2]}', POST) == digest_body(b'{"b":[2],"a":1}', POST)


def test_a_long_quotation_in_an_answer_is_taken_out() -> None:
    quoted = POST[12:60]
    answer = {"candidates": [{"text": f"You wrote '{quoted}', which is right."}]}
    assert unquote(answer, POST) == {
        "candidates": [{"text": "You wrote '[48 characters of the post]', which is right."}]
    }


def test_a_shared_phrase_in_an_answer_stays() -> None:
    assert unquote("The mirror was ground to the wrong shape", POST) == "The mirror was ground to the wrong shape"


@pytest.mark.parametrize("quoted", [POST, POST * 2, "x" * 50 + POST[20:70] + "y" * 50])
def test_no_forty_characters_of_the_post_are_left(quoted: str) -> None:
    kept = unquote(quoted, POST)
    assert not [kept[i : i + 40] for i in range(len(kept) - 39) if kept[i : i + 40] in POST]


def test_a_project_is_no_part_of_the_path() -> None:
    path = "/v1beta1/projects/my-project/locations/us-central1/publishers/google/models/m:generateContent"
    assert stable_path(path) == "/v1beta1/projects/-/locations/-/publishers/google/models/m:generateContent"


@pytest.mark.parametrize("gateway", ["", "/gemini", "/v1/account/gateway/google-ai-studio"])
@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha", "v1beta1"])
def test_the_path_of_a_gateway_is_no_part_of_the_path(gateway: str, version: str) -> None:
    path = f"/{version}/models/m:generateContent"
    assert stable_path(gateway + path) == path


def test_a_request_without_a_body_has_null_for_one() -> None:
    assert digest_body(b"", POST) == b"null"
