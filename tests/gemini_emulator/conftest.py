from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from gemini_emulator.server import EmbeddedServer
from tests.gemini_emulator.endpoint_calls import tune


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


@pytest.fixture(scope="module")
def http(server: EmbeddedServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.base_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def tuned(http: httpx2.Client) -> str:
    assert tune(http, "three-labels")["state"] == "ACTIVE"
    return "three-labels"


@pytest.fixture
def genai_client(server: EmbeddedServer) -> Iterator[Any]:
    from google import genai

    client = genai.Client(api_key="any", http_options={"base_url": server.base_url})
    yield client
    client.close()
