"""A `Request` asked of OpenAI or Anthropic, by their own SDKs; what came back is the JSON of the answer, as it came.

The only door to these SDKs, which are extras. Retry is ours: theirs is switched off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .._util.wording import one_line
from ..errors import BackendError, UsageError
from ..variants.checks import OTHER_APIS
from ..variants.variants_file import Request
from .embedded import is_loopback
from .retry import RetryPolicy, call_patiently
from .service_errors import broken_body, broken_transport, refusal, retry_after_s

#: The name of the profile by which calls of an API are recorded.
SERVICE_OF = {"openai": "openai-chat", "anthropic": "anthropic"}
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}
#: Anthropic wants a bound; a label and a few fields are far below it.
_MAX_TOKENS = 1024
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Who is asked. ``embedded``: the base URL of the embedded backend, which speaks OpenAI's API too; else None."""

    api: str
    live: bool
    embedded: str | None = None

    @property
    def base_url(self) -> str | None:
        """None for the service's own."""
        given = os.environ.get(_BASES[self.api]) or None
        if given is None and self.embedded is not None and self.api == "openai":
            return f"{self.embedded}/v1beta/openai"
        return given if self.live else None


class OtherClient(Protocol):
    """A client that is open."""

    def ask(self, request: Request) -> dict[str, Any]:
        """Ask once. Raises `BackendError`."""

    def close(self) -> None:
        """Let go of connections."""


def check_api_access(api: str, backend: str) -> None:
    """Raise `UsageError` where an API cannot be asked: no key, or the embedded backend, which has not all of them."""
    base = os.environ.get(_BASES[api], "")
    if is_loopback(base):
        return
    if backend == "embedded" and api != "openai":
        raise UsageError(
            f"api = {api!r}: the embedded backend speaks the APIs of Gemini and OpenAI. Record this variant with "
            f"--backend gemini, or name a server of this machine in {_BASES[api]}"
        )
    if backend != "embedded" and not os.environ.get(_KEYS[api]):
        raise UsageError(f"api = {api!r}: asking it needs a key in {_KEYS[api]}, none is set. A replay needs none")


def open_other(access: ApiAccess) -> OtherClient:
    """Raises `UsageError` where the SDK is not installed."""
    return (_OpenAI if access.api == "openai" else _Anthropic)(access)


def ask_other(client: OtherClient, request: Request, policy: RetryPolicy) -> dict[str, Any]:
    """Ask, again where the service is busy. Raises `BackendError`."""
    return call_patiently(lambda: client.ask(request), policy)


class _Sdk:
    """What both SDKs have in common: they are made by one generator."""

    def __init__(self, access: ApiAccess) -> None:
        try:
            self._sdk = __import__(access.api)
        except ImportError:
            raise UsageError(
                f"api = {access.api!r} takes the package {access.api}, which is not installed: "
                f"pip install 'newsgauge[{access.api}]'"
            ) from None
        base = access.base_url
        # A server of this machine may be asked without a key, and a replay asks nobody; the SDK wants one.
        key = os.environ.get(_KEYS[access.api]) if access.live and access.embedded is None else None
        kind = self._sdk.OpenAI if access.api == "openai" else self._sdk.Anthropic
        self._client = kind(api_key=key or "none", base_url=base, max_retries=0, timeout=_TIMEOUT_S)

    def close(self) -> None:
        self._client.close()

    def _ask(self, create: Any, model: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            raw = create(model=model, **arguments).http_response
        except self._sdk.APIStatusError as error:
            wait = retry_after_s(error.response.headers)
            raise refusal(
                model, error.status_code, None, None, _body(error), url=str(error.request.url), retry_after_s=wait
            ) from None
        except self._sdk.APIConnectionError as error:
            unreachable = not isinstance(error, self._sdk.APITimeoutError)
            raise broken_transport(model, error.__cause__ or error, unreachable=unreachable) from None
        except self._sdk.APIError as error:
            raise BackendError(f"{model}: {type(error).__name__}: {one_line(str(error), 200)}") from None
        try:
            answer = json.loads(raw.content)
        except ValueError as error:
            raise broken_body(model, error) from None
        if not isinstance(answer, dict):
            raise BackendError(f"{model}: the answer is no JSON object")
        return answer


class _OpenAI(_Sdk):
    def ask(self, request: Request) -> dict[str, Any]:
        messages = [{"role": "user", "content": request.contents}]
        if request.system_instruction is not None:
            messages.insert(0, {"role": "system", "content": request.system_instruction})
        more: dict[str, Any] = {"extra_body": _config(request, "openai")}
        if request.enum is not None:
            schema = {"name": "answer", "strict": True, "schema": _schema(request)}
            more["response_format"] = {"type": "json_schema", "json_schema": schema}
        return self._ask(
            self._client.chat.completions.with_raw_response.create, request.model, {"messages": messages, **more}
        )


class _Anthropic(_Sdk):
    def ask(self, request: Request) -> dict[str, Any]:
        config = _config(request, "anthropic")
        more = {"max_tokens": config.pop("max_tokens", _MAX_TOKENS), "extra_body": config}
        if request.system_instruction is not None:
            more["system"] = request.system_instruction
        if request.enum is not None:
            more["output_config"] = {"format": {"type": "json_schema", "schema": _schema(request)}}
        messages = [{"role": "user", "content": request.contents}]
        return self._ask(self._client.messages.with_raw_response.create, request.model, {"messages": messages, **more})


def _config(request: Request, api: str) -> dict[str, Any]:
    """The variant's settings by the API's own names; sent as they are, as SDKs drop some that a server still takes."""
    given = json.loads(request.config) if request.config else {}
    if request.max_output_tokens is not None:
        given["max_output_tokens"] = request.max_output_tokens
    return {OTHER_APIS[api][name]: value for name, value in given.items()}


def _schema(request: Request) -> dict[str, Any]:
    """An object that ends in one of the labels: these APIs hold no bare text to a list."""
    fields = {name: {"type": kind} for name, kind in request.json_fields or ()}
    properties = {**fields, "label": {"type": "string", "enum": list(request.enum or ())}}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _body(error: Any) -> Any:
    try:
        return json.loads(error.response.content)
    except ValueError:
        return None
