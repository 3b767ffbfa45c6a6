"""Plays a call from its cassette, or records it, through vcrpy. The call itself does not know which.

Per case there is one virtual cassette, ``<file>.jsonl::<case key>``. vcrpy matches on method, path and the whole
digested body; its own default leaves the body out, and a changed prompt would replay the old answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import vcr
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.patch import PATCHER_NAMES
from vcr.persisters.filesystem import CassetteNotFoundError

from .. import __version__
from ..errors import CassetteError, MissingRecordingError, StaleRecordingError
from ..records import Post
from .digest import canonical, digest_body, stable_path, unquote
from .line import Line
from .staleness import describe_change
from .store import CassetteFile

T = TypeVar("T")
RecordMode = Literal["none", "once", "new_episodes", "all", "rewrite"]
_SEPARATOR = "::"
# The host is no part of a case: the embedded backend has a new port each time. vcrpy wants a whole URI all the same.
_ANY_HOST = "https://service.invalid"


class Recorder:
    """The cassettes of one backend and corpus. ``rerecord`` names the command that records a variant again."""

    def __init__(
        self,
        folder: Path,
        *,
        mode: RecordMode,
        backend: str,
        shown: str,
        rerecord: Callable[[str], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._mode = mode
        self._backend = backend
        self._shown = shown
        self._rerecord = rerecord
        self._now = now
        self._files: dict[str, CassetteFile] = {}
        self._provenance: dict[str, str] = {}
        self._vcr = vcr.VCR(
            # "rewrite" differs from "all" only in what is kept when the run is over.
            record_mode="all" if mode == "rewrite" else mode,
            match_on=["digested_request"],
            decode_compressed_response=True,
            # Only the SDK's own HTTP client is patched: 0.13 instead of 0.63 ms a case. The network block has the rest.
            skip_patchers=[name for name in PATCHER_NAMES if name != "httpx2"],
            cassette_library_dir=str(folder),
        )
        self._vcr.register_matcher("digested_request", _same_request)
        self._vcr.register_persister(self)

    def file(self, variant: str) -> CassetteFile:
        """The cassette file of a variant."""
        if variant not in self._files:
            name = f"{variant}.jsonl"
            self._files[variant] = CassetteFile(self._folder / name, shown=f"{self._shown}/{name}")
            if self._mode != "none":
                self._files[variant].repair()
        return self._files[variant]

    def play(self, variant: str, post: Post, call: Callable[[], T], provenance: dict[str, str] | None = None) -> T:
        """Make the call with this case's cassette in place and return what it returns; ``provenance`` is kept with it.

        Raises `MissingRecordingError`, `StaleRecordingError` or `DamagedCassetteError` where the mode forbids to ask
        the service; whatever the call itself raises passes through.
        """
        hooks = _Hooks(post.text)
        self._provenance = provenance or {}
        try:
            with self._vcr.use_cassette(
                f"{variant}{_SEPARATOR}{post.id}",
                before_record_request=hooks.on_request,
                before_record_response=hooks.on_response,
            ):
                return call()
        except CannotOverwriteExistingCassetteException:
            pass  # its message quotes the post; ours is raised outside of this block, so that it is not chained to it
        raise self._explain(variant, post.id, hooks.last)

    def finalize(self, variant: str, planned: set[str]) -> None:
        """After recording: sort a variant's lines and drop doubles; in mode ``rewrite`` also what is not planned."""
        self.file(variant).finalize(keep=planned if self._mode == "rewrite" else None)

    def load_cassette(self, cassette_path: str, serializer: object) -> tuple[list[Any], list[Any]]:
        """vcrpy's persister protocol: one case's request and response."""
        variant, key = _split(cassette_path)
        line = self.file(variant).read(key)
        if line is None:
            raise CassetteNotFoundError
        request = vcr.request.Request(line.method, _ANY_HOST + line.path, canonical(line.body), {})
        request.digested = True
        response = {
            "status": {"code": line.status, "message": "OK"},
            "headers": {name: [value] for name, value in line.headers.items()},
            "body": {"string": json.dumps(line.answer).encode("ascii")},
        }
        return [request], [response]

    def save_cassette(self, cassette_path: str, cassette_dict: dict[str, Any], serializer: object) -> None:
        """vcrpy's persister protocol: keep the newest request and response of the case."""
        variant, key = _split(cassette_path)
        if not cassette_dict["requests"]:
            return
        request, response = cassette_dict["requests"][-1], cassette_dict["responses"][-1]
        answer = json.loads(response["body"]["string"])
        path = urlsplit(request.uri).path
        self.file(variant).append(
            Line(
                key=key,
                method=request.method,
                path=path,
                body=json.loads(request.body),
                status=response["status"]["code"],
                headers={"content-type": "application/json"},
                answer=answer,
                provenance={
                    "backend": self._backend,
                    "surface": "vertex" if "/projects/" in path else "developer",
                    "model": path.rpartition("/")[2].partition(":")[0],
                    "model_version": str(answer.get("modelVersion", "")),
                    "sdk": f"google-genai {version('google-genai')}",
                    "newsgauge": __version__,
                    "recorded": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                    **self._provenance,
                },
            )
        )

    def _explain(self, variant: str, key: str, request: Any) -> CassetteError:
        file = self.file(variant)
        line = file.read(key)
        if line is None:
            return MissingRecordingError(f"{file.shown}: no recording of {key}. Record it: {self._rerecord(variant)}")
        change = describe_change(
            line,
            request.method,
            urlsplit(request.uri).path,
            json.loads(request.body) if request.body else None,
        )
        if not change:
            return MissingRecordingError(
                f"{file.shown}:{file.line_number(key)}: {key} was asked more than once, but recorded once"
            )
        return StaleRecordingError(
            f"{file.shown}:{file.line_number(key)}: variant {variant!r} changed since it was recorded: {change}. "
            f"Record it again: {self._rerecord(variant)}"
        )


class _Hooks:
    """vcrpy's filters for one case: what is kept of its request and its response.

    vcrpy runs the request filter three times a recorded and four times a replayed call, also on what it loaded.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._seen: tuple[bytes, bytes] = (b"", b"")
        self.last: Any = None

    def on_request(self, request: Any) -> Any:
        if not getattr(request, "digested", False):
            raw = request.body or b""
            if self._seen[0] != raw:
                self._seen = (raw, digest_body(raw, self._text))
            request.uri = _ANY_HOST + stable_path(urlsplit(request.uri).path)
            request.body = self._seen[1]
            request.headers = {}  # an allow list of none: no key, no account, no machine
            request.digested = True
            self.last = request
        return request

    def on_response(self, response: dict[str, Any]) -> dict[str, Any] | None:
        if response["status"]["code"] != 200:
            return None  # an error is not an answer; it is reported, and asked again by the next recording
        try:
            answer = json.loads(response["body"]["string"])
        except ValueError:
            return None
        body = json.dumps(unquote(answer, self._text)).encode("ascii")
        return {**response, "headers": {"content-type": ["application/json"]}, "body": {"string": body}}


def _same_request(one: Any, other: Any) -> bool:
    return bool(one.method == other.method and one.uri == other.uri and one.body == other.body)


def _split(virtual_path: str) -> tuple[str, str]:
    variant, _, key = Path(virtual_path).name.partition(_SEPARATOR)
    return variant, key
