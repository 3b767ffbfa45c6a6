"""The calls of one case that a technique makes: recorded together, and played back in whatever order they are asked.

A case is one unit. Its lines are written when all of its calls were answered, and each says how many there are; a case
of which some are absent counts as not recorded. Equal requests are answered in the order of their recording.

Techniques ask one case at a time: a library of theirs may open connections in a way that hides calls of other threads
(`seam`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import (
    BackendError,
    CassetteError,
    MissingRecordingError,
    NetworkBlockedError,
    NotKeptError,
    StaleRecordingError,
)
from ..records import Post
from .digest import Clear, digest_made, put_quotes_back, take_quotes_out
from .line import Line, call_key
from .network_block import attempts_fail, network_blocked
from .open_case import MissError, OpenCase
from .recorder import Recorder
from .seam import Seam
from .services import Service
from .staleness import describe_change
from .store import CassetteFile

T = TypeVar("T")
#: Makes the technique's calls; the open case answers them.
Perform = Callable[[], T]
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True, slots=True)
class Played(Generic[T]):
    """What a technique returned, with the model versions and tokens of its answers, as `services` name them."""

    value: T
    answers: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Calls:
    """The calls of one case, in a cassette file that others of its variant share."""

    recorder: Recorder
    variant: str
    post: Post
    clear: Clear

    def play(self, perform: Perform[T], provenance: Mapping[str, str]) -> Played[T]:
        """Perform, answered from the recording or by the service, as the record mode says.

        What was recorded is at once played back, which proves that it can be: the technique runs twice. Raises
        `CassetteError`; whatever the technique raises passes through.
        """
        mode, self.recorder.live_ms = self.recorder.mode, None
        with _ONE_AT_A_TIME:
            lines = [] if mode in ("all", "rewrite") else self._file.case(self.post.id)
            # Whether all lines of the case are there, fitting or stale, and none is to be asked again.
            is_recorded = bool(lines) and not any(map(self.recorder.asks_again, lines))
            if mode == "none" or is_recorded:
                try:
                    return self._replay(perform, lines)
                except (MissingRecordingError, StaleRecordingError):
                    if mode != "new_episodes":
                        raise
            return self._record(perform, provenance)  # if one call changed, the whole case is asked again

    def _record(self, perform: Perform[T], provenance: Mapping[str, str]) -> Played[T]:
        case = OpenCase(self._digest, may_ask=True, only_models=True, local_only=self.recorder.local_only)
        value = self._run(case, perform, lambda: self._not_kept("; ".join(case.refused)) if case.refused else None)
        calls = case.made()
        failed = [f"call {n} {call.problem}" for n, call in enumerate(calls, 1) if call.problem]
        if failed:
            raise self._not_kept("; ".join(f"{call}, and the technique went on" for call in failed))
        lines = []
        for number, call in enumerate(calls, 1):
            kept = take_quotes_out(call.asked.service.kept_answer(call.answer or {}), self.post.text)
            said = {**provenance, "calls": str(len(calls))}
            lines.append(self.recorder.line_of(self.variant, call_key(self.post.id, number), call, kept, said))
        # The lines are written only if they can play the case back.
        try:
            with network_blocked, attempts_fail:
                played = self._replay(perform, lines)
        except CassetteError as error:
            raise self._not_kept(
                f"run again on the answers it had, the technique asked something else ({error}). It has to ask the "
                "same each time: no clock, no unseeded random numbers, nothing remembered from other texts"
            ) from None
        except NetworkBlockedError as error:
            raise self._not_kept(
                f"run again on the answers it had, the technique left the machine by another way ({error}). Calls of "
                "HTTP libraries are recorded, and a replay has nothing else"
            ) from None
        if played.value != value:
            raise self._not_kept("run again on the answers it had, the technique returned something else")
        for line in lines:
            self.recorder.append(self.variant, line)
        self.recorder.live_ms = case.live_ms
        return played

    def _replay(self, perform: Perform[T], lines: Sequence[Line]) -> Played[T]:
        case = OpenCase(self._digest, left=list(lines), restore=lambda answer: put_quotes_back(answer, self.post.text))
        numbers = {id(line): number for number, line in enumerate(lines, 1)}
        value = self._run(case, perform, lambda: self._explain(case, numbers))
        if case.left:
            change = f"{_calls(len(lines))} recorded, now {len(case.played)}"
            raise self._stale(numbers[id(case.left[0])], change)
        return _played(value, case.played)

    def _run(self, case: OpenCase, perform: Perform[T], problem: Callable[[], CassetteError | None]) -> T:
        """What the technique returns. A ``problem`` is reported whether the technique raises because of it or not."""
        try:
            with self.recorder.opened(case, every_library=True):
                value = perform()
        except BaseException:
            if found := problem():
                raise found from None
            raise
        if found := problem():
            raise found
        return value

    def _explain(self, case: OpenCase, numbers: Mapping[int, int]) -> CassetteError | None:
        asked, n_recorded = case.missed, len(numbers)
        if asked is None:
            refused = case.refused
            return self.recorder.refused(self.variant, self.post.id, refused[0]) if refused else None
        if not case.left:
            if n_recorded:
                return self._stale(n_recorded, f"{_calls(n_recorded)} recorded, now there are more")
            part = "" if self._file.read(self.post.id) is None else ", only a part of its calls"
            return self.recorder.missing(self.variant, self.post.id, part)
        line = case.left[0]
        number = numbers[id(line)]
        change = describe_change(line, asked)
        return self._stale(number, f"call {number}: {change}" if n_recorded > 1 else change)

    def _stale(self, number: int, change: str) -> StaleRecordingError:
        return self.recorder.stale(self.variant, call_key(self.post.id, number), change)

    def _not_kept(self, why: str) -> NotKeptError:
        return self.recorder.not_kept(self.variant, self.post.id, why)

    def _digest(self, service: Service, raw: bytes) -> bytes:
        return digest_made(raw, self.post.text, self.clear, service)

    @property
    def _file(self) -> CassetteFile:
        return self.recorder.file(self.variant)


def watch(perform: Perform[T]) -> Played[T]:
    """Perform with the service alone: nothing is recorded; tokens and versions come from the answers."""
    case, seam = OpenCase(lambda service, body: b"", only_watched=True), Seam()
    seam.open(every_library=True)
    try:
        with _ONE_AT_A_TIME, case:
            value = perform()
    except MissError:
        raise BackendError("; ".join(case.refused)) from None
    finally:
        seam.close()
    if case.refused:
        raise BackendError("; ".join(case.refused))
    return _played(value, [(call.asked.service, call.answer) for call in case.calls if call.answer is not None])


def _played(value: T, answers: Iterable[tuple[Service, dict[str, Any]]]) -> Played[T]:
    return Played(value, tuple((one.model_version(answer), one.usage(answer)) for one, answer in answers))


def _calls(n: int) -> str:
    return f"{n} {'call was' if n == 1 else 'calls were'}"
