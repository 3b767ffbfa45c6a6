"""A request that is written without the SDK is, byte for byte, the one that the SDK writes."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsgauge.cassettes.digest import digest_body
from newsgauge.cassettes.open_case import Asked
from newsgauge.cassettes.services import stable_path
from newsgauge.client.calls import DryClient
from newsgauge.client.clients import Backend  # type: ignore[attr-defined]
from newsgauge.running.request_template import RequestTemplates
from newsgauge.variants.variants_file import ReadyVariant, Variant

LABELS = ("rec.autos", "sci.space")
VARIANTS = (
    Variant("bare", "", "m", "{post}"),
    Variant("zero-shot", "", "m", "Which newsgroup?\n\n{post}"),
    Variant("labels", "", "m", "{post}", system_instruction="One of {labels}: \u00e9", answer="enum"),
    Variant("cut", "", "tunedModels/x", "{post} of {labels}", max_output_tokens=5),
)
BACKENDS: tuple[Backend, ...] = ("embedded", "vertex")
WRITTEN = {backend: RequestTemplates(backend) for backend in BACKENDS}
SDK = {backend: DryClient(backend) for backend in BACKENDS}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example(text="newsgroup")
@example(text="text")
@example(text="user")
@example(text="rec.autos")
@example(text='"}]} \\ \u2028 \x00 \U0001f600')
def test_every_text_is_asked_as_the_sdk_asks_it(backend: Backend, variant: Variant, text: str) -> None:
    template = ReadyVariant(variant, variant.model, LABELS).template
    wire = SDK[backend].write(template.about(text))
    expected = Asked(wire.method, stable_path(urlsplit(wire.uri).path), digest_body(wire.body, text))
    assert WRITTEN[backend].asked(template, text) == expected
