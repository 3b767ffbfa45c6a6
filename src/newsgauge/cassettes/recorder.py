"""Plays a call from its cassette, or records it, through vcrpy. The call itself does not know which.

While recording there is one virtual cassette a case, ``<file>.jsonl::<case key>``; a replay has one for all
(`replaying`). Both match on method, path and the whole digested body; vcrpy's own default leaves the body out, and a
changed prompt would replay the old answer.

vcrpy's public extension points are used (persister, matcher, filters, ``skip_patchers``). One thing they do not offer:
a persister that raises leaks vcrpy's patches, so an error in keeping is held back until the cassette is closed
(`_failed`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import vcr
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.patch import PATCHER_NAMES
from vcr.persisters.filesystem import CassetteNotFoundError

from ..errors import CassetteError, MissingRecordingError, NotKeptError, StaleRecordingError
from ..records import Post, Wire
from .digest import Block
from .replay import Asked, MissError, Replaying
from .staleness import describe_change
from .store import CassetteFile
from .vcr_filters import Exchange, digested, load, same_request
from .writer import Keeper

T = TypeVar("T")
RecordMode = Literal["none", "once", "new_episodes", "all", "rewrite"]
_SEPARATOR = "::"
# Only the SDK's own HTTP client is patched: 0.13 instead of 0.63 ms each time. The network block has the rest.
_SKIP_PATCHERS = [name for name in PATCHER_NAMES if name != "httpx2"]


class Recorder:
    """The cassettes of one backend and corpus. ``rerecord`` names the command that records a variant again.

    ``pins`` says for a variant which model version has to answer; an answer of another one is not kept. ``blocks`` are
    the texts of every request of a variant that are not kept as they are, such as examples.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mode: RecordMode,
        backend: str,
        shown: str,
        rerecord: Callable[[str], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pins: Callable[[str], str | None] = lambda variant: None,
        blocks: Callable[[str], Sequence[Block]] = lambda variant: (),
    ) -> None:
        self._folder = folder
        self.mode = mode
        self._shown = shown
        self.rerecord = rerecord
        self._blocks = blocks
        self._keeper = Keeper(backend=backend, now=now, pins=pins)
        self._files: dict[str, CassetteFile] = {}
        self._failed: CassetteError | None = None
        self._provenance: dict[str, str] = {}
        self._replaying = Replaying(_SKIP_PATCHERS)
        self._vcr = vcr.VCR(
            # "rewrite" differs from "all" only in what is kept when the run is over.
            record_mode="all" if mode == "rewrite" else mode,
            match_on=["digested_request"],
            decode_compressed_response=True,
            skip_patchers=_SKIP_PATCHERS,
        )
        self._vcr.register_matcher("digested_request", same_request)
        self._vcr.register_persister(self)

    def file(self, variant: str) -> CassetteFile:
        """The cassette file of a variant."""
        if variant not in self._files:
            name = f"{variant}.jsonl"
            self._files[variant] = CassetteFile(self._folder / name, shown=f"{self._shown}/{name}")
            if self.mode != "none":
                self._files[variant].repair()
        return self._files[variant]

    def play(self, variant: str, post: Post, call: Callable[[], T], provenance: dict[str, str] | None = None) -> T:
        """Make the call with this case's cassette in place and return what it returns; ``provenance`` is kept with it.

        Raises `MissingRecordingError`, `StaleRecordingError` or `DamagedCassetteError` where the mode forbids to ask
        the service, `NotKeptError` where its answer could not be kept; whatever the call itself raises passes through.
        """
        if self.mode == "none":
            try:
                return self._replaying.play(post.text, self.file(variant).read(post.id), call, self._blocks(variant))
            except MissError as miss:
                asked = miss.asked
            raise self.explain(variant, post.id, asked)
        return self._record(variant, post, call, provenance)

    def close(self) -> None:
        """Let go of what a replay holds open."""
        self._replaying.close()

    def _record(self, variant: str, post: Post, call: Callable[[], T], provenance: dict[str, str] | None) -> T:
        exchange = Exchange(post.text, self._blocks(variant))
        self._failed = None
        self._provenance = provenance or {}
        try:
            with self._vcr.use_cassette(
                str(self._folder / f"{variant}{_SEPARATOR}{post.id}"),
                before_record_request=exchange.on_request,
                before_record_response=exchange.on_response,
            ):
                answer = call()
        except CannotOverwriteExistingCassetteException:
            pass  # its message quotes the post; ours is raised outside of this block, so that it is not chained to it
        else:
            if self._failed is not None:
                raise self._failed
            if exchange.refused:
                raise self._refused(variant, post.id)
            return answer
        asked = exchange.asked
        raise self.explain(variant, post.id, asked and Asked(asked.method, urlsplit(asked.uri).path, asked.body))

    def keep(self, variant: str, post: Post, wire: Wire, provenance: Mapping[str, str]) -> None:
        """Keep a call that was made past vcrpy, as `play` would have. Raises `NotKeptError`.

        vcrpy replaces parts of the HTTP client for the whole process and has one cassette in place at a time, so calls
        that run side by side are handed in here.
        """
        exchange = Exchange(post.text, self._blocks(variant))
        request = exchange.on_request(wire)
        response = exchange.on_response({"status": {"code": wire.status}, "body": {"string": wire.answer}})
        if response is None:
            raise self._refused(variant, post.id)
        self._keeper.keep(self.file(variant), post.id, request, response, provenance)

    def keep_call(
        self, variant: str, key: str, asked: Asked, answer: dict[str, Any], provenance: dict[str, str]
    ) -> None:
        """Keep a call that vcrpy did not see, digested as it is. Raises `NotKeptError`."""
        request = digested(asked.method, asked.path, asked.body)
        response = {"status": {"code": 200}, "body": {"string": json.dumps(answer).encode("ascii")}}
        self._keeper.keep(self.file(variant), key, request, response, provenance)

    def finalize(self, variant: str, planned: set[str]) -> None:
        """After recording: sort a variant's lines and drop doubles; in mode ``rewrite`` also what is not planned."""
        self.file(variant).finalize(keep=planned if self.mode == "rewrite" else None)

    def load_cassette(self, cassette_path: str, serializer: object) -> tuple[list[Any], list[Any]]:
        """vcrpy's persister protocol: one case's request and response."""
        variant, key = _split(cassette_path)
        line = self.file(variant).read(key)
        if line is None:
            raise CassetteNotFoundError
        request, response = load(line)
        return [request], [response]

    def save_cassette(self, cassette_path: str, cassette_dict: dict[str, Any], serializer: object) -> None:
        """vcrpy's persister protocol: keep the newest request and response of the case."""
        variant, key = _split(cassette_path)
        if not cassette_dict["requests"]:
            return
        request, response = cassette_dict["requests"][-1], cassette_dict["responses"][-1]
        try:
            self._keeper.keep(self.file(variant), key, request, response, self._provenance)
        except CassetteError as error:
            self._failed = error

    def _refused(self, variant: str, key: str) -> NotKeptError:
        return NotKeptError(f"{self.file(variant).shown}: {key} was answered but not kept: not a JSON object")

    def explain(self, variant: str, key: str, asked: Asked | None) -> CassetteError:
        """Why the case's cassette does not answer what was asked: no line, another request, asked before."""
        file = self.file(variant)
        line = file.read(key)
        if line is None:
            return MissingRecordingError(f"{file.shown}: no recording of {key}. Record it: {self.rerecord(variant)}")
        assert asked is not None  # a miss is a request that the line does not answer
        change = describe_change(line, asked.method, asked.path, json.loads(asked.body))
        if not change:
            return MissingRecordingError(
                f"{file.shown}:{file.line_number(key)}: {key} was asked more than once, but recorded once"
            )
        return StaleRecordingError(
            f"{file.shown}:{file.line_number(key)}: variant {variant!r} changed since it was recorded: {change}. "
            f"Record it again: {self.rerecord(variant)}"
        )


def _split(virtual_path: str) -> tuple[str, str]:
    variant, _, key = Path(virtual_path).name.partition(_SEPARATOR)
    return variant, key
