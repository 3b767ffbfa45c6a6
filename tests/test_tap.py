"""A client with a tap in it: who answers decides, a busy service is asked again, and nobody asks past it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from newsgauge.client.clients import open_client
from newsgauge.client.retry import RetryPolicy
from newsgauge.client.transport import Answered, Sent, Tap
from newsgauge.errors import NewsgaugeError, QuotaError, TransientError

ANSWER = {"candidates": [{"content": {"parts": [{"text": "sci.space"}]}, "finishReason": "STOP"}]}
Service = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def tapped() -> Iterator[Any]:
    """A client, and its tap, whose service is a function."""
    opened = []

    def make(service: Service = lambda request: httpx2.Response(200, json=ANSWER)) -> tuple[Any, Tap]:
        taps: list[Tap] = []

        def tap(context: ssl.SSLContext) -> Tap:
            taps.append(Tap(context))
            taps[0].close()
            taps[0]._inner = httpx2.Client(transport=httpx2.MockTransport(service))
            return taps[0]

        client = open_client("embedded", base_url="http://service.invalid", live=True, tap=tap)
        opened.extend([client, taps[0]])
        return client, taps[0]

    yield make
    for one in opened:
        one.close()


def ask(client: Any) -> str | None:
    text: str | None = client.models.generate_content(model="m", contents="hello").text
    return text


def patient(deadline_s: float = 100.0) -> tuple[RetryPolicy, list[float]]:
    waits: list[float] = []
    return RetryPolicy(deadline_s=deadline_s, clock=lambda: sum(waits), sleep=waits.append), waits


def test_whoever_answers_sees_the_request_and_may_let_it_pass(tapped):
    client, tap = tapped()
    seen: list[Sent] = []

    def handler(sent: Sent, forward: Callable[[], Answered]) -> Answered:
        seen.append(sent)
        return forward()

    with tap.answering(handler, RetryPolicy()):
        assert ask(client) == "sci.space"
        assert asyncio.run(client.aio.models.generate_content(model="m", contents="hello")).text == "sci.space"
    assert [(one.method, one.path) for one in seen] == [("POST", "/v1/models/m:generateContent")] * 2
    assert json.loads(seen[0].body)["contents"][0]["parts"] == [{"text": "hello"}]


def test_an_answer_needs_no_service(tapped):
    client, tap = tapped(lambda request: pytest.fail("it was asked"))
    with tap.answering(lambda sent, forward: Answered(200, json.dumps(ANSWER).encode()), RetryPolicy()):
        assert ask(client) == "sci.space"


def test_outside_of_a_case_nobody_is_asked(tapped):
    client, _ = tapped(lambda request: pytest.fail("it was asked"))
    with pytest.raises(NewsgaugeError, match="outside of the case"):
        ask(client)


def test_a_busy_service_is_asked_again_until_it_answers(tapped):
    statuses = [503, 429, 200]
    client, tap = tapped(lambda request: httpx2.Response(statuses.pop(0), json=ANSWER))
    policy, waits = patient()
    with tap.answering(lambda sent, forward: forward(), policy):
        assert ask(client) == "sci.space"
    assert (statuses, len(waits)) == ([], 2)


def test_a_service_that_stays_busy_is_given_up(tapped):
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}
    client, tap = tapped(lambda request: httpx2.Response(503, json=error))
    policy, _ = patient(deadline_s=5.0)
    with (
        tap.answering(lambda sent, forward: forward(), policy),
        pytest.raises(TransientError, match=r"m:generateContent: 503 UNAVAILABLE: overloaded; tried \d+ times"),
    ):
        ask(client)


def test_a_quota_of_the_day_is_not_waited_for(tapped):
    details = [{"violations": [{"quotaId": "RequestsPerDay"}]}]
    error = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "no more", "details": details}}
    client, tap = tapped(lambda request: httpx2.Response(429, json=error))
    policy, waits = patient()
    with tap.answering(lambda sent, forward: forward(), policy), pytest.raises(QuotaError, match="RequestsPerDay"):
        ask(client)
    assert waits == []


def test_nobody_there_is_told_as_such(tapped):
    def nobody(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    client, tap = tapped(nobody)
    policy, _ = patient(deadline_s=0.0)
    with tap.answering(lambda sent, forward: forward(), policy), pytest.raises(TransientError) as caught:
        ask(client)
    assert caught.value.unreachable


def test_a_refusal_is_the_sdks_own_error(tapped):
    from google.genai.errors import ClientError

    client, tap = tapped(lambda request: httpx2.Response(400, json={"error": {"code": 400, "message": "bad"}}))
    with tap.answering(lambda sent, forward: forward(), RetryPolicy()), pytest.raises(ClientError, match="bad"):
        ask(client)
