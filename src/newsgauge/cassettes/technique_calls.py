"""The calls of one case that a technique makes: recorded together, and played back in whatever order they are asked.

A case is one unit. Its lines are written when all of its calls were answered, and each says how many there are; a case
of which some are absent counts as not recorded. Equal requests are answered in the order of their recording.

Techniques ask one case at a time: a library of theirs may open connections in a way that hides calls of other threads
(`seam`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import CassetteError, MissingRecordingError, NetworkBlockedError, NotKeptError, StaleRecordingError
from ..records import Post
from .line import Line, call_key
from .network_block import attempts_fail, network_blocked
from .open_case import Asked, OpenCase, WatchedCase, only_models, sdk_of
from .recorder import Recorder
from .redact_custom import Clear, digest_made, put_quotes_back, take_quotes_out
from .seam import Seam
from .services import Service, named_service
from .staleness import describe_change
from .store import CassetteFile

T = TypeVar("T")
#: Makes the technique's calls; whoever has a case open answers them.
Perform = Callable[[], T]
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True, slots=True)
class Played(Generic[T]):
    """What a technique returned; of the answers it had the model version, and the tokens as `services` name them."""

    value: T
    answers: tuple[tuple[str, Any], ...]


class Calls:
    """The calls of one case, in a cassette file that others of its variant share."""

    def __init__(self, recorder: Recorder, variant: str, post: Post, clear: Clear) -> None:
        self._recorder = recorder
        self._variant = variant
        self._post = post
        self._clear = clear

    def play(self, perform: Perform[T], provenance: Mapping[str, str]) -> Played[T]:
        """Perform, answered from the recording or by the service, as the record mode says.

        What was recorded is at once played back, which proves that it can be: the technique runs twice. Raises
        `CassetteError`; whatever the technique raises passes through.
        """
        mode = self._recorder.mode
        with _ONE_AT_A_TIME:
            if mode == "none" or (mode == "once" and self.is_recorded()):
                return self._replay(perform, self._file.case(self._post.id))
            if mode == "new_episodes" and self.is_recorded():
                try:
                    return self._replay(perform, self._file.case(self._post.id))
                except (MissingRecordingError, StaleRecordingError):
                    pass  # what changed is asked anew, the whole case
            return self._record(perform, provenance)

    def is_recorded(self) -> bool:
        """Whether all lines of the case are there, fitting or stale, and none is to be asked again."""
        lines = self._file.case(self._post.id)
        return bool(lines) and not any(map(self._recorder.asks_again, lines))

    def _record(self, perform: Perform[T], provenance: Mapping[str, str]) -> Played[T]:
        case = OpenCase(self._digest, may_ask=True, refusal=only_models, local_only=self._recorder.local_only)
        try:
            with self._recorder.opened(case, every_library=True):
                value = perform()
        except BaseException:
            if case.refused:
                raise self._not_kept(case.refused[0]) from None
            raise
        calls = case.made()
        problems = [*case.refused]
        for number, call in enumerate(calls, 1):
            if call.problem:
                problems.append(f"call {number} {call.problem}, and the technique went on")
        if problems:
            raise self._not_kept("; ".join(problems))
        kept = [(call, call.asked, self._kept(call.asked, call.answer or {})) for call in calls]
        # The lines that would be written play the case back: only then are they.
        lines = [
            Line("", asked.method, asked.path, json.loads(asked.body), 200, {}, answer, {}, asked.service)
            for _, asked, answer in kept
        ]
        try:
            with network_blocked, attempts_fail:
                played = self._replay(perform, lines)
        except CassetteError as error:
            raise self._not_kept(
                f"run again on the answers it had, the technique asked something else ({error}). It has to ask the "
                "same each time: no clock, no unseeded random numbers, nothing remembered from other posts"
            ) from None
        except NetworkBlockedError as error:
            raise self._not_kept(
                f"run again on the answers it had, the technique left the machine by another way ({error}). Calls of "
                "HTTP libraries are recorded, and a replay has nothing else"
            ) from None
        if played.value != value:
            raise self._not_kept("run again on the answers it had, the technique returned something else")
        for number, (call, asked, answer) in enumerate(kept, 1):
            key, said = call_key(self._post.id, number), {**sdk_of(call), **provenance, "calls": str(len(kept))}
            self._recorder.keep_call(self._variant, key, asked, answer, said)
        return played

    def _replay(self, perform: Perform[T], lines: list[Line]) -> Played[T]:
        case = OpenCase(self._digest, lines=lines, restore=lambda answer: put_quotes_back(answer, self._post.text))
        numbers = {id(line): number for number, line in enumerate(lines, 1)}
        try:
            with self._recorder.opened(case, every_library=True):
                value = perform()
        except BaseException:
            # A technique may raise an error of its own because of the miss, or go on: the miss is what is told.
            if case.missed is not None or case.refused:
                raise self._explain(case, numbers) from None
            raise
        if case.missed is not None or case.refused:
            raise self._explain(case, numbers)
        if case.left:
            change = f"{_calls(len(lines))} recorded, now {len(case.played)}"
            raise self._stale(numbers[id(case.left[0])], change)
        return _played(value, case.played)

    def _explain(self, case: OpenCase, numbers: Mapping[int, int]) -> CassetteError:
        asked, n_recorded = case.missed, len(numbers)
        if asked is None:
            return self._recorder.refused(self._variant, self._post.id, case.refused[0])
        if not case.left:
            if n_recorded:
                return self._stale(n_recorded, f"{_calls(n_recorded)} recorded, now there are more")
            part = "" if self._file.read(self._post.id) is None else ", only a part of its calls"
            return self._recorder.missing(self._variant, self._post.id, part)
        line = case.left[0]
        number = numbers[id(line)]
        change = describe_change(line, asked.method, asked.path, json.loads(asked.body), service=asked.service)
        return self._stale(number, f"call {number}: {change}" if n_recorded > 1 else change)

    def _stale(self, number: int, change: str) -> StaleRecordingError:
        return self._recorder.stale(self._variant, call_key(self._post.id, number), change)

    def _not_kept(self, why: str) -> NotKeptError:
        return self._recorder.not_kept(self._variant, self._post.id, why)

    def _digest(self, service: Service, raw: bytes) -> bytes:
        return digest_made(raw, self._post.text, self._clear, service)

    def _kept(self, asked: Asked, answer: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = take_quotes_out(named_service(asked.service).kept_answer(answer), self._post.text)
        return kept

    @property
    def _file(self) -> CassetteFile:
        return self._recorder.file(self._variant)


def watch(perform: Perform[T]) -> Played[T]:
    """Perform with the service alone: nothing is recorded, and the answers tell tokens and versions."""
    case, seam = WatchedCase(), Seam()
    seam.open(every_library=True)
    try:
        with _ONE_AT_A_TIME, case:
            value = perform()
    finally:
        seam.close()
    return _played(value, [(call.asked.service, call.answer) for call in case.calls if call.answer is not None])


def _played(value: T, answers: Iterable[tuple[str, dict[str, Any]]]) -> Played[T]:
    services = [(named_service(name), answer) for name, answer in answers]
    return Played(value, tuple((one.model_version(answer), one.usage(answer)) for one, answer in services))


def _calls(n: int) -> str:
    return f"{n} {'call was' if n == 1 else 'calls were'}"
