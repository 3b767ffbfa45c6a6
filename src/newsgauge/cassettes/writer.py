"""Writes an answered case into its file: a digested request and response in, a line on disk or `NotKeptError` out.

One place for all roads of recording, so that a line does not tell which of them it came by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from .. import __version__
from .._util.secrets import find_secrets
from ..errors import CassetteError, NotKeptError
from .line import Line
from .store import CassetteFile
from .vcr_filters import HEADERS, DigestedRequest

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
        request: DigestedRequest,
        response: Mapping[str, Any],
        provenance: Mapping[str, str],
    ) -> None:
        """Append the case's line. Raises `NotKeptError`: another model version, a secret in it, a full disk."""
        variant = file.path.stem
        try:
            line = self._line(key, request, response, provenance)
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

    def _line(
        self, key: str, request: DigestedRequest, response: Mapping[str, Any], provenance: Mapping[str, str]
    ) -> Line:
        answer = json.loads(response["body"]["string"])
        path = urlsplit(request.uri).path
        return Line(
            key=key,
            method=request.method,
            path=path,
            body=json.loads(request.body),
            status=response["status"]["code"],
            headers=dict(HEADERS),
            answer=answer,
            provenance={
                "backend": self._backend,
                "surface": "vertex" if "/projects/" in path else "developer",
                "model": path.rpartition("/")[2].partition(":")[0],
                # A count of tokens and a tuned model's description name no version.
                **({"model_version": str(answer["modelVersion"])} if answer.get("modelVersion") else {}),
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
    version = line.provenance.get("model_version", "")
    if pin is not None and version != pin:
        raise NotKeptError(
            f"variant {variant!r} expects model version {pin!r}, and {version or 'none'!r} answered. The service may "
            "have moved the model's name; if the new version is meant, set expected_model_version in variants.toml"
        )
    secrets = find_secrets(line.encode().decode("ascii"))
    if secrets:
        raise NotKeptError(f"request or answer holds what looks like a secret ({', '.join(secrets)})")
