"""Writes an answered case into its file: a digested request and answer in, a line on disk or `NotKeptError` out.

One place for all roads of recording, so that a line does not tell which of them it came by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from .. import __version__
from .._util.secrets import find_secrets
from ..errors import CassetteError, NotKeptError
from ..records import bare_model
from .line import HEADERS, Line
from .open_case import Asked
from .services import named_service
from .store import CassetteFile

#: How provenance writes the time of a recording: sorts as text.
RECORDED = "%Y-%m-%dT%H:%M:%SZ"


class Keeper:
    """What is written of one backend. ``pins`` says for a variant which model version has to answer."""

    def __init__(self, *, backend: str, now: Callable[[], datetime], pins: Callable[[str], str | None]) -> None:
        self._backend = backend
        self._now = now
        self._pins = pins

    def keep(
        self,
        file: CassetteFile,
        key: str,
        asked: Asked,
        answer: dict[str, Any],
        provenance: Mapping[str, str],
    ) -> None:
        """Append the case's line. Raises `NotKeptError`: no or another model version, a secret in it, a full disk."""
        variant = file.path.stem
        try:
            line = self._line(key, asked, answer, provenance)
            _check(line, variant, self._pins(variant))
            file.append(line)
        except OSError as error:
            raise NotKeptError(
                f"{file.shown}: {key} was answered but not kept: {error.strerror or error}. What was recorded before "
                "is there; make room or the file writable, and run again with --record-mode once",
                disk=True,
            ) from None
        except CassetteError as error:
            raise type(error)(f"{file.shown}: {key} was answered but not kept: {error}") from None

    def _line(self, key: str, asked: Asked, answer: dict[str, Any], provenance: Mapping[str, str]) -> Line:
        service = named_service(asked.service)
        version = service.model_version(answer)
        return Line(
            key=key,
            method=asked.method,
            path=asked.path,
            body=json.loads(asked.body),
            status=200,
            headers=dict(HEADERS),
            answer=answer,
            service=service.name,
            provenance={
                "backend": self._backend,
                **service.provenance(asked.path, json.loads(asked.body)),
                # A count of tokens and a tuned model's description name no version.
                **({"model_version": version} if version else {}),
                "sdk": _sdk(),
                "newsgauge": __version__,
                "recorded": self._now().strftime(RECORDED),
                **provenance,
            },
        )


@cache
def _sdk() -> str:
    return f"google-genai {version('google-genai')}"  # reads a file


def _check(line: Line, variant: str, pin: str | None) -> None:
    version, service = line.provenance.get("model_version", ""), named_service(line.service)
    if not version and service.is_answered_by_a_model(line.path):
        raise NotKeptError(
            f"the answer names no model version ({service.version_at}), so nobody could tell which model it was. A "
            "gateway that leaves it out cannot be recorded from: see docs/how-to/gateway.md"
        )
    if pin is not None and version != bare_model(pin):
        raise NotKeptError(
            f"variant {variant!r} expects model version {pin!r}, and {version or 'none'!r} answered. The service may "
            "have moved the model's name; if the new version is meant, set expected_model_version in variants.toml"
        )
    secrets = find_secrets(line.encode().decode("ascii"))
    if secrets:
        raise NotKeptError(f"request or answer holds what looks like a secret ({', '.join(secrets)})")
