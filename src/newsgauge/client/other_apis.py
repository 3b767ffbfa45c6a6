"""Sends a `Request` to OpenAI or Anthropic through their SDKs, and returns the JSON of the answer.

The only importer of these SDKs, which are extras. Retries are ours; theirs are switched off.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .._util.wording import one_line
from ..errors import BackendError, UsageError
from ..records import Request
from ..variants.checks import OTHER_APIS
from .embedded import direct, is_loopback
from .retry import RetryPolicy, call_patiently
from .service_errors import broken_body, broken_transport, refusal

#: The name of the profile by which calls of an API are recorded.
SERVICE_OF = {"openai": "openai-chat", "anthropic": "anthropic"}
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}
#: Anthropic requires a limit; a label and a few fields stay far below it.
_MAX_TOKENS = 1024
_TIMEOUT_S = 120.0


def check_api_access(api: str, backend: str) -> None:
    """Raise `UsageError` if an API cannot be asked: no key, or an API that the embedded backend does not have."""
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


class OtherClient:
    """An open client. ``embedded``: the base URL of the embedded backend, which speaks OpenAI's API too; else None.

    Raises `UsageError` if the SDK is not installed.
    """

    def __init__(self, api: str, *, live: bool, embedded: str | None = None) -> None:
        try:
            self._sdk = __import__(api)
        except ImportError:
            raise UsageError(
                f"api = {api!r} needs the package {api}, which is not installed: pip install 'newsgauge[{api}]'"
            ) from None
        base = os.environ.get(_BASES[api]) or None
        if base is None and embedded is not None and api == "openai":
            base = f"{embedded}/v1beta/openai"
        elif not live:
            base = None  # the service's own
        # A local server may be asked without a key, and a replay asks nobody, but the SDK requires one.
        key = os.environ.get(_KEYS[api]) if live and embedded is None else None
        http = self._sdk.DefaultHttpxClient(follow_redirects=False, **direct())
        options: Any = {"api_key": key or "none", "base_url": base, "max_retries": 0, "timeout": _TIMEOUT_S}
        options["http_client"] = http
        if api == "openai":
            self._client, self._arguments = self._sdk.OpenAI(**options), _openai_arguments
            self._create = self._client.chat.completions.with_raw_response.create
        else:
            self._client, self._arguments = self._sdk.Anthropic(**options), _anthropic_arguments
            self._create = self._client.messages.with_raw_response.create

    def ask(self, request: Request, policy: RetryPolicy) -> dict[str, Any]:
        """Ask, and retry while the service is busy. Raises `BackendError`."""
        return call_patiently(lambda: self._ask(request.model, self._arguments(request)), policy)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _ask(self, model: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            raw = self._create(model=model, **arguments).http_response
            answer = json.loads(raw.content)
        except self._sdk.APIStatusError as error:
            said = error.response
            url = str(error.request.url)
            raise refusal(model, error.status_code, None, None, said.content, url=url, headers=said.headers) from None
        except self._sdk.APIConnectionError as error:
            raise broken_transport(model, error.__cause__ or error) from None
        except self._sdk.APIError as error:
            raise BackendError(f"{model}: {type(error).__name__}: {one_line(str(error), 200)}") from None
        except ValueError as error:
            raise broken_body(model, error) from None
        if not isinstance(answer, dict):
            raise BackendError(f"{model}: the answer is not a JSON object")
        return answer


def _openai_arguments(request: Request) -> dict[str, Any]:
    messages = [{"role": "user", "content": request.contents}]
    if request.system_instruction is not None:
        messages.insert(0, {"role": "system", "content": request.system_instruction})
    made: dict[str, Any] = {"messages": messages, "extra_body": _config(request, "openai")}
    if request.enum is not None:
        schema = {"name": "answer", "strict": True, "schema": _schema(request)}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    return made


def _anthropic_arguments(request: Request) -> dict[str, Any]:
    config = _config(request, "anthropic")
    made = {"messages": [{"role": "user", "content": request.contents}], "extra_body": config}
    made["max_tokens"] = config.pop("max_tokens", _MAX_TOKENS)
    if request.system_instruction is not None:
        made["system"] = request.system_instruction
    if request.enum is not None:
        made["output_config"] = {"format": {"type": "json_schema", "schema": _schema(request)}}
    return made


def _config(request: Request, api: str) -> dict[str, Any]:
    """The variant's settings by the API's own names; sent directly: SDKs drop some that servers accept."""
    given = json.loads(request.config) if request.config else {}
    if request.max_output_tokens is not None:
        given["max_output_tokens"] = request.max_output_tokens
    return {OTHER_APIS[api][name]: value for name, value in given.items()}


def _schema(request: Request) -> dict[str, Any]:
    """The schema of an object that ends in one of the labels: these APIs cannot restrict plain text to a list."""
    fields = {name: {"type": kind} for name, kind in request.json_fields or ()}
    properties = {**fields, "label": {"type": "string", "enum": list(request.enum or ())}}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
