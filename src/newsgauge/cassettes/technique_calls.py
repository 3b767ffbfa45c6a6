"""The calls of one case that a technique makes: recorded together, and played back in whatever order they are asked.

A case is one unit. Its lines are written when all of its calls were answered, and each says how many there are; a case
of which some are absent counts as not recorded. Equal requests are answered in the order of their recording.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..client.transport import Answered, Forward, Handler, Sent
from ..errors import CassetteError, MissingRecordingError, NotKeptError, StaleRecordingError
from ..records import Post
from .digest import stable_path
from .line import Line, call_key
from .recorder import Recorder
from .redact_custom import Clear, digest_made, put_quotes_back, take_quotes_out
from .replay import Asked
from .staleness import describe_change

T = TypeVar("T")
#: Makes the technique's calls with a handler in place that answers them.
Perform = Callable[[Handler], T]
_GENERATE = ":generateContent"


class _MissError(Exception):
    """No recorded answer; what a technique sees of it."""


@dataclass(frozen=True, slots=True)
class Played(Generic[T]):
    """What a technique returned, and the answers it had, in the order it asked."""

    value: T
    answers: tuple[dict[str, Any], ...]


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
        if mode == "none" or (mode == "once" and self.is_recorded()):
            return self._replay(perform, self._lines())
        if mode == "new_episodes" and self.is_recorded():
            try:
                return self._replay(perform, self._lines())
            except (MissingRecordingError, StaleRecordingError):
                pass  # what changed is asked anew, the whole case
        return self._record(perform, provenance)

    def is_recorded(self) -> bool:
        """Whether all lines of the case are there, fitting or stale."""
        first = self._file.read(self._post.id)
        return first is not None and all(
            self._file.line_number(call_key(self._post.id, number)) is not None
            for number in range(1, first.n_calls + 1)
        )

    def _record(self, perform: Perform[T], provenance: Mapping[str, str]) -> Played[T]:
        kept: list[tuple[Asked, dict[str, Any]]] = []
        problems: list[str] = []

        def ask(sent: Sent, forward: Forward) -> Answered:
            number = len(kept) + len(problems) + 1
            if not sent.path.endswith(_GENERATE):
                problems.append(
                    f"call {number} is {sent.path.rpartition('/')[2]}, and only generate_content is recorded"
                )
                raise self._not_kept(problems[-1])
            try:
                said = forward()
            except BaseException as error:
                problems.append(f"call {number} was not answered ({type(error).__name__}), and the technique went on")
                raise
            answer = json_object(said.body) if said.status == 200 else None
            if answer is None:
                what = "no JSON object" if said.status == 200 else f"status {said.status}"
                problems.append(f"call {number} was answered with {what}, and the technique went on")
            else:
                kept.append((self._asked(sent), answer))
            return said

        value = perform(ask)
        if problems:
            raise self._not_kept("; ".join(problems))
        # The lines that would be written play the case back: only then are they.
        lines = [
            Line("", asked.method, asked.path, json.loads(asked.body), 200, {}, self._kept(answer), {})
            for asked, answer in kept
        ]
        try:
            played = self._replay(perform, lines)
        except CassetteError as error:
            raise self._not_kept(
                f"run again on the answers it had, the technique asked something else ({error}). It has to ask the "
                "same each time: no clock, no unseeded random numbers, nothing remembered from other posts"
            ) from None
        if played.value != value:
            raise self._not_kept("run again on the answers it had, the technique returned something else")
        for number, (asked, answer) in enumerate(kept, 1):
            self._recorder.keep_call(
                self._variant,
                call_key(self._post.id, number),
                asked,
                self._kept(answer),
                {**provenance, "calls": str(len(kept))},
            )
        return played

    def _replay(self, perform: Perform[T], lines: list[Line]) -> Played[T]:
        left = list(enumerate(lines, 1))
        answers: list[dict[str, Any]] = []
        missed: list[Asked] = []

        def answer(sent: Sent, forward: Forward) -> Answered:
            asked = self._asked(sent)
            fitting = next((one for one in left if asked.fits(one[1])), None)
            if fitting is None or missed:
                missed.append(asked)
                raise _MissError("not recorded")
            left.remove(fitting)
            answers.append(put_quotes_back(fitting[1].answer, self._post.text))
            return Answered(200, json.dumps(answers[-1]).encode("ascii"))

        try:
            value = perform(answer)
        except BaseException:
            # A technique may raise an error of its own because of the miss, or go on: the miss is what is told.
            if missed:
                raise self._explain(missed[0], left, len(lines)) from None
            raise
        if missed:
            raise self._explain(missed[0], left, len(lines))
        if left:
            raise self._stale(left[0], f"{_calls(len(lines))} recorded, now {len(answers)}")
        return Played(value, tuple(answers))

    def _explain(self, asked: Asked, left: list[tuple[int, Line]], n_recorded: int) -> CassetteError:
        if not left:
            if n_recorded:
                return self._stale((n_recorded, None), f"{_calls(n_recorded)} recorded, now there are more")
            part = "" if self._file.read(self._post.id) is None else ", only a part of its calls"
            return MissingRecordingError(
                f"{self._file.shown}: no recording of {self._post.id}{part}. Record it: "
                f"{self._recorder.rerecord(self._variant)}"
            )
        number, line = left[0]
        change = describe_change(line, asked.method, asked.path, json.loads(asked.body))
        return self._stale(left[0], f"call {number}: {change}" if n_recorded > 1 else change)

    def _stale(self, at: tuple[int, Line | None], change: str) -> StaleRecordingError:
        number = self._file.line_number(call_key(self._post.id, at[0]))
        where = self._file.shown if number is None else f"{self._file.shown}:{number}"
        return StaleRecordingError(
            f"{where}: variant {self._variant!r} changed since it was recorded: {change}. "
            f"Record it again: {self._recorder.rerecord(self._variant)}"
        )

    def _not_kept(self, why: str) -> NotKeptError:
        return NotKeptError(f"{self._file.shown}: {self._post.id} was answered but not kept: {why}")

    def _asked(self, sent: Sent) -> Asked:
        return Asked(sent.method, stable_path(sent.path), digest_made(sent.body, self._post.text, self._clear))

    def _kept(self, answer: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = take_quotes_out(answer, self._post.text)
        return kept

    def _lines(self) -> list[Line]:
        if not self.is_recorded():
            return []
        first = self._file.read(self._post.id)
        assert first is not None
        others = [self._file.read(call_key(self._post.id, number)) for number in range(2, first.n_calls + 1)]
        return [first, *(line for line in others if line is not None)]

    @property
    def _file(self) -> Any:
        return self._recorder.file(self._variant)


def json_object(raw: bytes) -> dict[str, Any] | None:
    """The object that an answer is; None where it is none."""
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _calls(n: int) -> str:
    return f"{n} {'call was' if n == 1 else 'calls were'}"
