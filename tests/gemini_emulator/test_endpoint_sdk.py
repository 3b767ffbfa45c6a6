"""google-genai, as it is, against the Developer API: sync, async, streams, batches, errors."""

from __future__ import annotations

import asyncio
import enum
from typing import Any

import pytest
from google.genai import errors, types

MODEL = "gemini-3.5-flash-lite"
POST = "The rocket left for space; space is large."
NAMED = types.GenerateContentConfig(system_instruction="Name the group.")


class Label(enum.Enum):
    SPACE = "sci.space"
    AUTOS = "rec.autos"


def test_generate_content_names_a_group_and_the_embedded_model(genai_client: Any) -> None:
    response = genai_client.models.generate_content(model=MODEL, contents=POST, config=NAMED)
    assert (response.text, response.model_version) == ("sci.space", "newsgauge-embedded-base-2")
    assert response.candidates[0].finish_reason is types.FinishReason.STOP


def test_an_enum_schema_is_parsed_by_the_sdk(genai_client: Any) -> None:
    config = types.GenerateContentConfig(response_mime_type="text/x.enum", response_schema=Label)
    assert genai_client.models.generate_content(model=MODEL, contents=POST, config=config).parsed is Label.SPACE


def test_a_json_schema_is_parsed_by_the_sdk(genai_client: Any) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=list[Label])
    assert genai_client.models.generate_content(model=MODEL, contents=POST, config=config).parsed == [Label.SPACE]


def test_a_stream_joins_to_the_whole_answer(genai_client: Any) -> None:
    question = "Which newsgroup is this?\n" + POST
    whole = genai_client.models.generate_content(model=MODEL, contents=question).text
    chunks = list(genai_client.models.generate_content_stream(model=MODEL, contents=question))
    assert len(chunks) > 3
    assert "".join(chunk.text for chunk in chunks) == whole


def test_counting_and_models_and_thinking_work(genai_client: Any) -> None:
    assert genai_client.models.count_tokens(model=MODEL, contents="sci.space").total_tokens == 3
    assert len(list(genai_client.models.list(config={"page_size": 1}))) == 2
    assert genai_client.models.get(model=MODEL).input_token_limit == 1_000_000
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=7))
    response = genai_client.models.generate_content(model=MODEL, contents=POST, config=config)
    assert response.usage_metadata.thoughts_token_count == 7


def test_a_batch_is_created_listed_and_read(genai_client: Any) -> None:
    request = types.InlinedRequest(contents=POST, config=NAMED, metadata={"key": "a"})
    job = genai_client.batches.create(model=MODEL, src=[request], config={"display_name": "sdk"})
    for _ in range(200):
        job = genai_client.batches.get(name=job.name)
        if job.state is types.JobState.JOB_STATE_SUCCEEDED:
            break
    assert job.dest.inlined_responses[0].response.text == "sci.space"
    assert job.name in [listed.name for listed in genai_client.batches.list()]
    genai_client.batches.cancel(name=job.name)
    genai_client.batches.delete(name=job.name)


def test_errors_arrive_as_the_sdks_own(genai_client: Any) -> None:
    with pytest.raises(errors.ClientError, match="NOT_FOUND"):
        genai_client.models.generate_content(model="models/elsewhere", contents="x")
    with pytest.raises(errors.ClientError, match="temperature"):
        genai_client.models.generate_content(
            model=MODEL, contents="x", config=types.GenerateContentConfig(temperature=9)
        )


def test_the_async_client_answers_many_at_once_and_streams(genai_client: Any) -> None:
    async def run() -> Any:
        async_client = genai_client.aio
        answers = await asyncio.gather(
            *(async_client.models.generate_content(model=MODEL, contents=POST, config=NAMED) for _ in range(20))
        )
        stream = await async_client.models.generate_content_stream(model=MODEL, contents=POST, config=NAMED)
        streamed = "".join([chunk.text async for chunk in stream])
        await async_client.aclose()  # in the loop that opened its connections
        return [answer.text for answer in answers], streamed

    texts, streamed = asyncio.run(run())
    assert set(texts) == {"sci.space"}
    assert streamed == "sci.space"
