"""Plays a call from its cassette, or records it. The call itself does not know which: `seam` intercepts its requests.

A recorder knows the files of one backend and corpus and the record mode. It opens a case with what the mode allows
(which lines may answer, whether to ask), and keeps the answers when the case closes. Nothing is written while a call
runs: a case is kept completely or not at all.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from .. import __version__
from .._util.files import attribute_line, has_line
from .._util.secrets import find_secrets
from ..errors import CassetteError, MissingRecordingError, NotKeptError, StaleRecordingError
from ..records import Post, Wire, bare_model, shown_id
from .digest import Block, Digester, unquote
from .line import HEADERS, Line
from .open_case import Asked, Call, MissError, OpenCase
from .seam import Seam
from .services import GEMINI, Service
from .staleness import describe_change, only_line_endings
from .store import CassetteFile

T = TypeVar("T")
RecordMode = Literal["none", "once", "new_episodes", "all", "rewrite"]
#: How provenance writes the time of a recording: sorts as text.
RECORDED = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(eq=False)
class Recorder:
    """The cassettes of one backend and corpus."""

    folder: Path
    _: KW_ONLY
    mode: RecordMode
    backend: str
    #: How messages name the folder.
    shown: str
    #: The command that records a variant again.
    rerecord: Callable[[str], str]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: The model version that must answer a variant; an answer of another version is not kept.
    pins: Callable[[str], str | None] = lambda variant: None
    #: The texts in every request of a variant that are replaced by marks, such as examples.
    blocks: Callable[[str], Sequence[Block]] = lambda variant: ()
    #: Whether to ask again in spite of a line's answer.
    asks_again: Callable[[Line], bool] = lambda line: False
    #: Whether only services of this machine may be asked.
    local_only: bool = False
    #: Where the texts are: a file, or ``folder/**``.
    texts_at: str = "the corpus"
    #: How long the service took for the case that was played last; None if it was not asked.
    live_ms: float | None = field(default=None, init=False)
    _files: dict[str, CassetteFile] = field(default_factory=dict, init=False)
    _digester: Digester = field(default_factory=Digester, init=False)
    _seam: Seam = field(default_factory=Seam, init=False)

    def file(self, variant: str) -> CassetteFile:
        """The cassette file of a variant."""
        if variant not in self._files:
            name = f"{variant}.jsonl"
            self._files[variant] = CassetteFile(self.folder / name, shown=f"{self.shown}/{name}")
            if self.mode != "none":
                self._files[variant].repair()
        return self._files[variant]

    def case(self, variant: str, post: Post) -> OpenCase:
        """The case, answered as the mode allows: from its line, by the service, or by either."""
        line = None if self.mode in ("all", "rewrite") else self.file(variant).read(post.id)
        line = None if line is not None and self.asks_again(line) else line
        may_ask = self.mode not in ("none", "once") or (self.mode == "once" and line is None)
        return self._case(variant, post, lines=() if line is None else (line,), may_ask=may_ask)

    def play(self, variant: str, post: Post, call: Callable[[], T], provenance: Mapping[str, str] | None = None) -> T:
        """Make the call with the case open and return what it returns; ``provenance`` is kept with its last answer.

        Raises `MissingRecordingError`, `StaleRecordingError` or `DamagedCassetteError` if the mode forbids to ask
        the service, `NotKeptError` if its answer could not be kept; whatever the call itself raises passes through.
        """
        case, self.live_ms = self.case(variant, post), None
        try:
            with self.opened(case):
                value = call()
        except MissError:
            pass  # our error is raised outside this block, so that nothing is chained to it
        if case.missed is not None:
            raise self.explain(variant, post.id, case.missed, text=post.text)
        self._keep_last(variant, post, case, provenance or {})
        self.live_ms = case.live_ms
        return value

    @contextmanager
    def asking(self, variant: str, post: Post, provenance: Mapping[str, str]) -> Iterator[None]:
        """Let the service answer the requests in the block, and keep its last answer at the end if nothing is raised.

        Several cases may be open at once, each in its own task. Raises `NotKeptError` at the end.
        """
        case = self._case(variant, post, may_ask=True)
        try:
            with self.opened(case):
                yield
        except MissError:
            pass  # `_keep_last` says why it was refused
        self._keep_last(variant, post, case, provenance)

    def opened(self, case: OpenCase, *, every_library: bool = False) -> OpenCase:
        """The case, to be entered; requests made within are seen."""
        self._seam.open(every_library=every_library)
        return case

    def close(self) -> None:
        """Remove vcrpy's patches."""
        self._seam.close()

    def keep(self, variant: str, post: Post, wire: Wire, provenance: Mapping[str, str]) -> None:
        """Keep an answer that had no request of its own, such as a batch's, as if it had one. Raises `NotKeptError`."""
        case = self._case(variant, post, may_ask=True)
        call = case.take(wire.method, "localhost", urlsplit(wire.uri).path, wire.body)  # sent already, so from anywhere
        assert isinstance(call, Call)
        case.answered(call, wire.status, wire.answer)
        self._keep_last(variant, post, case, provenance)

    def line_of(
        self, variant: str, key: str, call: Call, answer: dict[str, Any], provenance: Mapping[str, str]
    ) -> Line:
        """The line to keep for one call. Raises `NotKeptError`: a missing or unexpected model version, or a secret."""
        asked, service = call.asked, call.asked.service
        body, model_version = json.loads(asked.body), service.model_version(answer)
        said = {
            "backend": self.backend,
            **service.provenance(asked.path, body),
            # A count of tokens and a tuned model's description name no version.
            **({"model_version": model_version} if model_version else {}),
            "sdk": _gemini_sdk() if service is GEMINI else call.agent or "unnamed",
            "newsgauge": __version__,
            "recorded": self.now().strftime(RECORDED),
            **provenance,
        }
        line = Line(key, asked.method, asked.path, body, 200, {**HEADERS, **call.headers}, answer, said, service.name)
        try:
            _check(line, service, variant, self.pins(variant))
        except NotKeptError as error:
            raise self.not_kept(variant, key, str(error)) from None
        return line

    def append(self, variant: str, line: Line) -> None:
        """Write a line. Raises `NotKeptError`: a full disk."""
        file = self.file(variant)
        try:
            file.append(line)
        except OSError as error:
            raise NotKeptError(
                f"{file.shown}: {shown_id(line.key)} was answered but not kept: {error.strerror or error}. "
                "What was recorded before is there; make room or the file writable, and run again with --record-mode "
                "once",
                disk=True,
            ) from None

    def finalize(self, variant: str, planned: set[str], *, is_over: bool = True) -> None:
        """After recording: sort a variant's lines and drop duplicates; in mode ``rewrite`` also what is not planned.

        ``is_over``: whether all was asked, or this recording goes on another time.
        """
        self.file(variant).finalize(keep=planned if self.mode == "rewrite" else None, is_over=is_over)

    def explain(self, variant: str, key: str, asked: Asked, *, text: str = "") -> CassetteError:
        """Why the case's cassette does not answer the request: no line, another request, or already used.

        ``text`` is the post's, to find out whether only its line endings differ.
        """
        line = self.file(variant).read(key)
        if line is None:
            return self.missing(variant, key)
        change = describe_change(line, asked)
        if text and only_line_endings(line, text):
            # Without the id, so that the same fault of a thousand texts is reported once.
            exact = attribute_line(self.texts_at)
            add = (
                "" if has_line(Path(".gitattributes"), exact) else f"Make sure that .gitattributes contains '{exact}'. "
            )
            return StaleRecordingError(
                f"{self._at(variant, key)}: the texts have other line endings than when it was recorded, as git gives "
                f"them on Windows (core.autocrlf). No recording is needed. {add}Delete the texts, then: git "
                f"checkout -- {shlex.quote(self.texts_at)}"
            )
        if not change:
            return MissingRecordingError(
                f"{self._at(variant, key)}: {shown_id(key)} was asked more than once, but recorded once"
            )
        return self.stale(variant, key, change)

    def missing(self, variant: str, key: str, part: str = "") -> MissingRecordingError:
        """The error for a case that is not recorded, or only in part."""
        return MissingRecordingError(
            f"{self.file(variant).shown}: no recording of {shown_id(key)}{part}. Record it: {self.rerecord(variant)}"
        )

    def refused(self, variant: str, key: str, why: str) -> MissingRecordingError:
        """The error for a request that no recording can hold."""
        return MissingRecordingError(f"{self.file(variant).shown}: no recording of {shown_id(key)}: {why}")

    def stale(self, variant: str, key: str, change: str) -> StaleRecordingError:
        """The error for a line that was recorded with another request; ``change`` comes from `describe_change`."""
        return StaleRecordingError(
            f"{self._at(variant, key)}: variant {variant!r} changed since it was recorded: {change}. Record it again: "
            f"{self.rerecord(variant)}"
        )

    def not_kept(self, variant: str, key: str, why: str) -> NotKeptError:
        """The error for a case whose answers could not be kept."""
        return NotKeptError(f"{self.file(variant).shown}: {shown_id(key)} was answered but not kept: {why}")

    def _at(self, variant: str, key: str) -> str:
        number = self.file(variant).line_number(key)
        return self.file(variant).shown + ("" if number is None else f":{number}")

    def _case(self, variant: str, post: Post, *, lines: Sequence[Line] = (), may_ask: bool) -> OpenCase:
        blocks = self.blocks(variant)
        return OpenCase(
            lambda service, raw: self._digester.digest(raw, post.text, blocks),
            left=list(lines),
            may_ask=may_ask,
            local_only=self.local_only,
        )

    def _keep_last(self, variant: str, post: Post, case: OpenCase, provenance: Mapping[str, str]) -> None:
        """Keep the last answer of a closed case; earlier ones were failed tries. A replayed case has none."""
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
        kept = unquote(last.asked.service.kept_answer(last.answer), post.text, self.blocks(variant))
        self.append(variant, self.line_of(variant, post.id, last, kept, provenance))


@cache
def _gemini_sdk() -> str:
    return f"google-genai {version('google-genai')}"  # reads a file


def _check(line: Line, service: Service, variant: str, pin: str | None) -> None:
    answered = line.provenance.get("model_version", "")
    if not answered and service.is_answered_by_a_model(line.path):
        raise NotKeptError(
            f"the answer names no model version ({service.version_at}), so nobody could tell which model it was. A "
            "gateway that leaves it out cannot be recorded from: see docs/how-to/gateway.md"
        )
    if pin is not None and answered != bare_model(pin):
        raise NotKeptError(
            f"variant {variant!r} expects model version {pin!r}, and {answered or 'none'!r} answered. The service may "
            "have moved the model's name; if the new version is meant, set expected_model_version in variants.toml"
        )
    if secrets := find_secrets(line.encode().decode("ascii")):
        raise NotKeptError(f"request or answer holds what looks like a secret ({', '.join(secrets)})")
