"""The exception tree. Every message says what was expected, what arrived, where, and what to do next.

NewsgaugeError
├── UsageError               an option, file or folder of the user's is wrong; shown as one or two lines
│   ├── CorpusError          the posts cannot be read or are not enough
│   ├── VariantsError        variants.toml
│   ├── GatesError           gates.toml
│   └── BaselineError        a baseline file
├── CassetteError            a recording cannot answer
│   ├── MissingRecordingError   no line for this case
│   ├── StaleRecordingError     the line is there, the request changed
│   ├── DamagedCassetteError    the file is cut, altered or not a cassette
│   └── NotKeptError            an answer came, and was not written: full disk, another model version, a secret in it
├── TechniqueError           the user's own callable raised, or returned no label
├── NetworkBlockedError      something tried to leave the machine during a replay
└── BackendError             the service could not be reached or refused
    ├── TransientError       temporary: retried
    ├── QuotaError           for today: not retried
    └── GoneError            for good: the tuned model is not there any more
"""

from __future__ import annotations

from collections.abc import Mapping


class NewsgaugeError(Exception):
    """Root of all errors that newsgauge raises on purpose."""


class UsageError(NewsgaugeError):
    """The command line or a file that the user wrote is wrong."""


class CorpusError(UsageError):
    """The corpus is absent, unreadable or too small for the plan."""


class VariantsError(UsageError):
    """variants.toml is damaged or asks for something unknown."""


class GatesError(UsageError):
    """gates.toml is damaged or asks for something unknown."""


class BaselineError(UsageError):
    """A baseline file is damaged, or cannot be written."""


class CassetteError(NewsgaugeError):
    """A recording cannot answer a request."""


class MissingRecordingError(CassetteError):
    """No line of the cassette is about this case."""


class StaleRecordingError(CassetteError):
    """The case was recorded, but with another request than the one now made."""


class DamagedCassetteError(CassetteError):
    """The cassette holds a line that is cut, altered or of another format."""


class NotKeptError(CassetteError):
    """An answer arrived while recording and was not kept. ``disk``: it could not be written, nor can the next one."""

    def __init__(self, message: str, *, disk: bool = False) -> None:
        super().__init__(message)
        self.disk = disk


class TechniqueError(NewsgaugeError):
    """A callable that variants.toml names raised an error, or returned something other than a label."""


class NetworkBlockedError(NewsgaugeError):
    """Something tried to open a connection while every answer must come from a cassette."""


class BackendError(NewsgaugeError):
    """The service could not be started, reached, or refused the call. ``status``: that of its HTTP answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TransientError(BackendError):
    """The service was busy, broke off or could not be reached; a retry may help.

    ``retry_after_s`` is the wait that the service asked for, if it did; ``unreachable`` is true if nobody
    answered at all; ``per_minute`` holds the limits that it named, of "requests" and "input tokens" in a minute.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        unreachable: bool = False,
        per_minute: Mapping[str, int] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after_s = retry_after_s
        self.unreachable = unreachable
        self.per_minute = per_minute or {}


class QuotaError(BackendError):
    """A quota is used up for longer than a run should wait."""


class GoneError(BackendError):
    """The tuned model that was asked is not there any more."""
