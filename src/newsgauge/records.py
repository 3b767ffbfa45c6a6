"""The records that packages exchange: frozen, with no behaviour beyond what derives from their own fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, get_args
from urllib.parse import quote, unquote

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Backend = Literal["embedded", "gemini", "vertex"]
#: Who can be asked: the emulator on this machine, the Gemini Developer API, Vertex AI.
BACKENDS: tuple[Backend, ...] = get_args(Backend)
#: Used instead of a backend, for predictions that newsgauge did not ask for.
ELSEWHERE = "elsewhere"
#: Whose result it is: the post's id and the variant's name.
Key = tuple[str, str]
ERROR_LABEL = "(error)"
#: The start of the model name in every answer of the embedded backend, whichever backend was named.
EMBEDDED_VERSION = "newsgauge-embedded-"
#: How the model version of a prediction begins that no service made.
ESTIMATOR_VERSION = "estimator "
#: The same if a callable of the user's own answered without asking the service.
NO_CALL_VERSION = "no call "


def bare_model(name: str) -> str:
    """A model's name or version as users write it; some answers say ``models/gemini-2.5-pro``."""
    return name.strip().removeprefix("models/")


def shown_id(post_id: str) -> str:
    """The id as its owner wrote label and number, for people to read; as it is if that does not fit into a line."""
    text = unquote(post_id)
    return text if text.isprintable() else post_id


def whole_text(text: str) -> str:
    """The text with surrogate pairs joined, and U+FFFD for each half of one, as a cut emoji leaves it: no file, and no
    request, could hold that."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def safe_id(name: str) -> str:
    """A name in the form of post ids."""
    return quote(name, safe="+").replace("~", "%7E")


class Outcome(StrEnum):
    """What kind of answer arrived. Only ``label`` and ``off-list`` carry a text to compare."""

    LABEL = "label"
    OFF_LIST = "off-list"
    BLOCKED = "blocked"
    CUT = "cut"
    EMPTY = "empty"


_SUBJECT = re.compile(r"^subject:((?:[^\n]*)(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
# "Re:", "RE[2]:", "Fwd:", "Fw:", "AW:", any number of them.
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw)(?:\[\d+\]|\^\d+)?:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawPost:
    """A post as the corpus holds it: headers and body, before preprocessing."""

    label: str
    number: str
    raw: str = field(repr=False)
    #: What the corpus says of the conversation a post belongs to; None if only its subject tells.
    told_thread: str | None = None
    #: The cell of a column by which a table's posts are sliced.
    slice: str | None = None

    @property
    def id(self) -> str:
        """``sci.space-60862``: readable, unique within a split, safe as a file name (others are %-encoded).

        Without a ``~``, which in a cassette tells the calls of a case apart.
        """
        return safe_id(f"{self.label}-{self.number}")

    @property
    def thread(self) -> str | None:
        """What the corpus says, else the subject without reply marks, white space folded, in lower case.

        Only headers, before the first blank line, are used. None: a thread of its own. Posts of one thread quote each
        other and share rare words: a sample with several of them is worth less than its size.
        """
        if self.told_thread:
            return self.told_thread
        head = re.split(r"\r?\n\r?\n", self.raw, maxsplit=1)[0].replace("\r\n", "\n")
        found = _SUBJECT.search(head)
        return _REPLY.sub("", " ".join(found[1].split()), count=1).casefold() or None if found else None


@dataclass(frozen=True, slots=True)
class Post:
    """A post as a model sees it: the preprocessed text, with its true label.

    Posts with the same ``thread`` are right or wrong together; None: a thread of its own.
    """

    id: str
    label: str
    text: str = field(repr=False)
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One post asked of one variant: one pytest item."""

    post: Post
    variant: str

    @property
    def id(self) -> str:
        """``sci.space-60862-tuned``: how a test is told from the others, with blanks and slashes as they are.

        pytest escapes what is not ASCII, so that stays %-encoded: the name of a test can be pasted back.
        """
        return case_id(self.post.id, self.variant)


def case_id(post_id: str, variant: str) -> str:
    """The id of a `Case`."""
    return re.sub(r"%(?!7F)[2-7][0-9A-F]", lambda found: unquote(found[0]), f"{post_id}-{variant}")


@dataclass(frozen=True, slots=True)
class Prediction:
    """A variant's answer for a post. ``label`` is the stripped answer, or ``(error)`` if there is none.

    Tokens are counted as they are billed: ``cached_tokens`` and ``tool_use_tokens`` are part of ``input_tokens``,
    ``thinking_tokens`` of ``output_tokens``.
    """

    label: str = field(repr=False)
    outcome: Outcome
    detail: str = field(repr=False)
    input_tokens: int
    output_tokens: int
    model_version: str
    thinking_tokens: int = 0
    cached_tokens: int = 0
    tool_use_tokens: int = 0
    #: The original answer, if a declared cleanup turned it into a label; else empty.
    raw: str = field(default="", repr=False)
    #: How sure the model is, from 0 to 1; None if nobody asked, or it did not say.
    confidence: float | None = None
    #: How long the service took, in a live run; None in a replay. It is nothing about the answer.
    latency_ms: float | None = field(default=None, compare=False)

    @property
    def is_error(self) -> bool:
        """True if no usable answer arrived: blocked, cut or empty."""
        return self.outcome not in (Outcome.LABEL, Outcome.OFF_LIST)

    @property
    def is_uncounted(self) -> bool:
        """True if a service answered without saying how many tokens that took: a request has at least one."""
        asked_nobody = self.model_version.startswith((ESTIMATOR_VERSION, NO_CALL_VERSION))
        return not (self.input_tokens or self.is_error or asked_nobody)


@dataclass(frozen=True, slots=True)
class Result:
    """A case with its prediction, or with the reason why there is none (``broken``)."""

    post_id: str
    variant: str
    label: str
    prediction: Prediction | None
    broken: str = ""
    #: ``item`` if the case ran as a test of its own, ``gate`` if a gate recomputed it from the cassette.
    origin: Literal["item", "gate"] = "item"

    @property
    def correct(self) -> bool:
        """Strict: the answer is the label, letter for letter."""
        return self.prediction is not None and self.prediction.label == self.label


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked, in the service's terms, but without its SDK."""

    model: str
    contents: str = field(repr=False)
    system_instruction: str | None
    enum: tuple[str, ...] | None
    max_output_tokens: int | None
    #: If the answer is a JSON object: its fields before ``label``, which is one of ``enum``. None: it is none.
    json_fields: tuple[tuple[str, str], ...] | None = None
    #: What else the SDK's config is to hold, as JSON with sorted keys; empty: nothing.
    config: str = ""
    #: Where Vertex is asked; None: where the environment says.
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """The requests of a variant, which differ only in the text between ``before`` and ``after``."""

    request: Request
    before: str = field(repr=False)
    after: str = field(repr=False)

    def about(self, text: str) -> Request:
        """The request about this text."""
        return replace(self.request, contents=f"{self.before}{text}{self.after}")


@dataclass(frozen=True, slots=True)
class Wire:
    """What went over the wire for one call, in clear: ``body`` was sent, ``answer`` came back, already unpacked."""

    method: str
    uri: str = field(repr=False)
    body: bytes = field(repr=False)
    status: int
    answer: bytes = field(repr=False)
