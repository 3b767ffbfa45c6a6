"""A client with a patient transport: a busy service is asked again, and nobody asks outside of a case."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from newsgauge.client.clients import Access, open_client
from newsgauge.client.retry import RetryPolicy
from newsgauge.client.transport import PatientTransport
from newsgauge.errors import NewsgaugeError, QuotaError, TransientError

ANSWER = {"candidates": [{"content": {"parts": [{"text": "sci.space"}]}, "finishReason": "STOP"}]}
Service = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def make_client() -> Iterator[Any]:
    """A client, and its transport, whose service is a function."""
    opened = []

    def make(service: Service = lambda request: httpx2.Response(200, json=ANSWER)) -> tuple[Any, PatientTransport]:
        made: list[PatientTransport] = []

        def transport(context: ssl.SSLContext) -> PatientTransport:
            made.append(PatientTransport(context))
            made[0].close()
            made[0]._inner = httpx2.Client(transport=httpx2.MockTransport(service))
            return made[0]

        client = open_client(Access("embedded", "http://service.invalid"), transport=transport)
        opened.extend([client, made[0]])
        return client, made[0]

    yield make
    for one in opened:
        one.close()  # type: ignore[attr-defined]


def ask(client: Any) -> str | None:
    text: str | None = client.models.generate_content(model="m", contents="hello").text
    return text


def patient(deadline_s: float = 100.0) -> tuple[RetryPolicy, list[float]]:
    waits: list[float] = []
    return RetryPolicy(deadline_s=deadline_s, clock=lambda: sum(waits), sleep=waits.append), waits


def test_calls_pass_sync_and_async(make_client: Any) -> None:
    seen: list[httpx2.Request] = []

    def service(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=ANSWER)

    client, transport = make_client(service)
    with transport.asking(RetryPolicy()):
        assert ask(client) == "sci.space"
        assert asyncio.run(client.aio.models.generate_content(model="m", contents="hello")).text == "sci.space"
    assert [(one.method, one.url.path) for one in seen] == [("POST", "/v1/models/m:generateContent")] * 2
    assert json.loads(seen[0].content)["contents"][0]["parts"] == [{"text": "hello"}]


def test_outside_of_a_case_nobody_is_asked(make_client: Any) -> None:
    client, _ = make_client(lambda request: pytest.fail("it was asked"))
    with pytest.raises(NewsgaugeError, match="outside of the case"):
        ask(client)


def test_a_busy_service_is_asked_again_until_it_answers(make_client: Any) -> None:
    statuses = [503, 429, 200]
    client, transport = make_client(lambda request: httpx2.Response(statuses.pop(0), json=ANSWER))
    policy, waits = patient()
    with transport.asking(policy):
        assert ask(client) == "sci.space"
    assert (statuses, len(waits)) == ([], 2)


def test_a_service_that_stays_busy_is_given_up(make_client: Any) -> None:
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}
    client, transport = make_client(lambda request: httpx2.Response(503, json=error))
    policy, _ = patient(deadline_s=5.0)
    with (
        transport.asking(policy),
        pytest.raises(TransientError, match=r"m:generateContent: 503 UNAVAILABLE: overloaded; tried \d+ times"),
    ):
        ask(client)


def test_a_quota_of_the_day_is_not_waited_for(make_client: Any) -> None:
    details = [{"violations": [{"quotaId": "RequestsPerDay"}]}]
    error = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "no more", "details": details}}
    client, transport = make_client(lambda request: httpx2.Response(429, json=error))
    policy, waits = patient()
    with transport.asking(policy), pytest.raises(QuotaError, match="RequestsPerDay"):
        ask(client)
    assert waits == []


def test_nobody_there_is_told_as_such(make_client: Any) -> None:
    def nobody(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    client, transport = make_client(nobody)
    policy, _ = patient(deadline_s=0.0)
    with transport.asking(policy), pytest.raises(TransientError) as caught:
        ask(client)
    assert caught.value.unreachable


def test_a_refusal_is_the_sdks_own_error(make_client: Any) -> None:
    from google.genai.errors import ClientError

    client, transport = make_client(
        lambda request: httpx2.Response(400, json={"error": {"code": 400, "message": "bad"}})
    )
    with transport.asking(RetryPolicy()), pytest.raises(ClientError, match="bad"):
        ask(client)
