"""Plays a call from its cassette, or records it. The call itself does not know which: `seam` sees its requests.

A recorder knows the files of one backend and corpus and the record mode; it opens a case with what the mode lets answer
or ask, and when the case closes keeps what came. While a call runs, nothing is written: a case is kept whole or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from ..errors import CassetteError, MissingRecordingError, NotKeptError, StaleRecordingError
from ..records import Post, Wire, shown_id
from .digest import Block, Digester, unquote
from .line import Line
from .open_case import Asked, Call, MissError, OpenCase, sdk_of
from .seam import Seam
from .services import named_service
from .staleness import describe_change, only_line_endings
from .store import CassetteFile
from .writer import Keeper

T = TypeVar("T")
RecordMode = Literal["none", "once", "new_episodes", "all", "rewrite"]


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
        asks_again: Callable[[Line], bool] = lambda line: False,
        local_only: bool = False,
    ) -> None:
        self._folder = folder
        self.mode = mode
        self._shown = shown
        self.rerecord = rerecord
        self._blocks = blocks
        #: Whether a line's answer is no reason not to ask.
        self.asks_again = asks_again
        #: Whether only services of this machine may be asked.
        self.local_only = local_only
        self._keeper = Keeper(backend=backend, now=now, pins=pins)
        self._files: dict[str, CassetteFile] = {}
        self._digester = Digester()
        self._seam = Seam()

    def file(self, variant: str) -> CassetteFile:
        """The cassette file of a variant."""
        if variant not in self._files:
            name = f"{variant}.jsonl"
            self._files[variant] = CassetteFile(self._folder / name, shown=f"{self._shown}/{name}")
            if self.mode != "none":
                self._files[variant].repair()
        return self._files[variant]

    def case(self, variant: str, post: Post) -> OpenCase:
        """The case as the mode lets it be answered: from its line, by the service, or by either."""
        line = None if self.mode in ("all", "rewrite") else self.file(variant).read(post.id)
        line = None if line is not None and self.asks_again(line) else line
        may_ask = self.mode not in ("none", "once") or (self.mode == "once" and line is None)
        return self._case(variant, post, lines=() if line is None else (line,), may_ask=may_ask)

    def play(self, variant: str, post: Post, call: Callable[[], T], provenance: dict[str, str] | None = None) -> T:
        """Make the call with the case open and return what it returns; ``provenance`` is kept with its last answer.

        Raises `MissingRecordingError`, `StaleRecordingError` or `DamagedCassetteError` where the mode forbids to ask
        the service, `NotKeptError` where its answer could not be kept; whatever the call itself raises passes through.
        """
        case = self.case(variant, post)
        try:
            with self.opened(case):
                value = call()
        except MissError:
            pass  # ours is raised outside of this block, so that nothing is chained to it
        if case.missed is not None:
            raise self.explain(variant, post.id, case.missed, text=post.text)
        self._keep_last(variant, post, case, provenance or {})
        return value

    @contextmanager
    def asking(self, variant: str, post: Post, provenance: Mapping[str, str]) -> Iterator[None]:
        """Let the service answer what is asked within, and keep its last answer at the end, unless something is raised.

        Cases may be open side by side, each in a task of its own. Raises `NotKeptError` at the end.
        """
        case = self._case(variant, post, may_ask=True)
        with self.opened(case):
            yield
        self._keep_last(variant, post, case, provenance)

    def opened(self, case: OpenCase, *, every_library: bool = False) -> OpenCase:
        """The case, to be entered; requests made within are seen."""
        self._seam.open(every_library=every_library)
        return case

    def close(self) -> None:
        """Let go of vcrpy's patches."""
        self._seam.close()

    def keep(self, variant: str, post: Post, wire: Wire, provenance: Mapping[str, str]) -> None:
        """Keep an answer that came by no request of its own, such as a batch's, as if it had. Raises `NotKeptError`."""
        case = self._case(variant, post, may_ask=True, sends=False)
        at = urlsplit(wire.uri)
        call = case.take(wire.method, at.hostname or "", at.path, wire.body)
        assert isinstance(call, Call)
        case.answered(call, wire.status, wire.answer)
        self._keep_last(variant, post, case, provenance)

    def keep_call(
        self, variant: str, key: str, asked: Asked, answer: dict[str, Any], provenance: Mapping[str, str]
    ) -> None:
        """Keep one answer under a key; asked and answer are digested as they are. Raises `NotKeptError`."""
        self._keeper.keep(self.file(variant), key, asked, answer, provenance)

    def finalize(self, variant: str, planned: set[str]) -> None:
        """After recording: sort a variant's lines and drop duplicates; in mode ``rewrite`` also what is not planned."""
        self.file(variant).finalize(keep=planned if self.mode == "rewrite" else None)

    def explain(self, variant: str, key: str, asked: Asked, *, text: str = "") -> CassetteError:
        """Why the case's cassette does not answer what was asked: no line, another request, asked before.

        ``text`` is the post's, to tell whether only its line endings are others.
        """
        file = self.file(variant)
        line = file.read(key)
        if line is None:
            return self.missing(variant, key)
        change = describe_change(line, asked.method, asked.path, json.loads(asked.body), service=asked.service)
        if text and only_line_endings(line, text):
            return StaleRecordingError(
                f"{file.shown}:{file.line_number(key)}: the text of {key} has other line endings than when it was "
                "recorded, as git gives it on Windows (core.autocrlf). Nothing is to be recorded: add the corpus to "
                ".gitattributes with '-text', as newsgauge init does, delete its files and check them out again"
            )
        if not change:
            return MissingRecordingError(
                f"{file.shown}:{file.line_number(key)}: {key} was asked more than once, but recorded once"
            )
        return self.stale(variant, key, change)

    def missing(self, variant: str, key: str, part: str = "") -> MissingRecordingError:
        """The error for a case of which there is nothing, or only a part."""
        return MissingRecordingError(
            f"{self.file(variant).shown}: no recording of {shown_id(key)}{part}. Record it: {self.rerecord(variant)}"
        )

    def refused(self, variant: str, key: str, why: str) -> MissingRecordingError:
        """The error for a request that no recording can hold."""
        return MissingRecordingError(f"{self.file(variant).shown}: no recording of {shown_id(key)}: {why}")

    def stale(self, variant: str, key: str, change: str) -> StaleRecordingError:
        """The error for a line that was recorded of another request; ``change`` is what `describe_change` says."""
        file = self.file(variant)
        at = file.line_number(key)
        return StaleRecordingError(
            f"{file.shown}{'' if at is None else f':{at}'}: variant {variant!r} changed since it was recorded: "
            f"{change}. Record it again: {self.rerecord(variant)}"
        )

    def not_kept(self, variant: str, key: str, why: str) -> NotKeptError:
        """The error for a case whose answers could not be kept."""
        return NotKeptError(f"{self.file(variant).shown}: {key} was answered but not kept: {why}")

    def _case(
        self, variant: str, post: Post, *, lines: Sequence[Line] = (), may_ask: bool = False, sends: bool = True
    ) -> OpenCase:
        blocks = self._blocks(variant)
        return OpenCase(
            lambda service, raw: self._digester.digest(raw, post.text, blocks),
            lines=lines,
            may_ask=may_ask,
            local_only=self.local_only and sends,
        )

    def _keep_last(self, variant: str, post: Post, case: OpenCase, provenance: Mapping[str, str]) -> None:
        """Keep the last answer of a case that is over: what came before it were tries. A replayed one has none."""
        if case.refused:
            raise self.refused(variant, post.id, case.refused[0])
        if case.played and not case.calls:
            return
        tries = [call for call in case.calls if call.status == 200]
        if not tries:
            raise self.not_kept(variant, post.id, "its request went past the cassette")
        last = tries[-1]
        if last.answer is None:
            raise self.not_kept(variant, post.id, last.problem.removeprefix("was answered with "))
        kept = unquote(named_service(last.asked.service).kept_answer(last.answer), post.text, self._blocks(variant))
        self.keep_call(variant, post.id, last.asked, kept, {**sdk_of(last), **provenance})
