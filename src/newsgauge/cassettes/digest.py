"""Removes a post's text from what is kept: hashes in requests, marks in answers. Pure.

Everything in a prompt stays in clear text except the post, so a diff of a cassette shows what was asked. The post
becomes a hash and a length, and so does each training post that a prompt shows as an example.

A technique may cut a post, change its case or split it, so looking for its text would not find it. Of its requests,
only texts from its source are kept, and only if they are not a passage of the post. An exact quotation in an answer
is replaced by its position in the post, and a replay puts it back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any

from .services import GEMINI, Service

#: An answer may share a name or a phrase with its post; a run this long is a quotation.
MIN_QUOTED_CHARS = 40


@dataclass(frozen=True, slots=True)
class Block:
    """A text that every request of a variant contains, and the segments that replace it: strings and marks."""

    text: str = field(repr=False)
    segments: tuple[Any, ...]
    #: The texts in it that are not kept.
    hidden: tuple[str, ...] = field(repr=False)


def mark(text: str, of: str = "") -> dict[str, Any]:
    """The mark that replaces a text that is not kept; ``of`` says where it came from, if not from the case's post."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"chars": len(text), "sha256": digest, **({"of": of} if of else {})}


def digest_body(raw: bytes, text: str, blocks: Sequence[Block] = ()) -> bytes:
    """A JSON request body in canonical form, each occurrence of ``text`` replaced by its SHA-256 and length.

    A string that is the text becomes ``{"chars": n, "sha256": hex}``; a string that holds it becomes the list of its
    segments, with that object between them. A block becomes its segments. A request without a body is ``null``.
    """
    if not raw:
        return canonical(None)
    post = Block(text, (mark(text),), (text,))
    return canonical(map_texts(lambda value: _segments(value, (*blocks, post)), json.loads(raw)))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, ASCII only: equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def unquote(answer: Any, text: str, blocks: Sequence[Block] = ()) -> Any:
    """The answer with every run of 40 or more characters of the post replaced by ``[N characters of the post]``.

    Runs of what a block hides likewise.
    """
    private = "\0".join([text, *(part for block in blocks for part in block.hidden)])
    return map_texts(lambda said: replaced(said, starmap(marked, quotations(said, private))), answer)


def map_texts(change: Callable[[str], Any], value: Any) -> Any:
    """The JSON value with each of its strings changed; names of keys stay."""
    if isinstance(value, dict):
        return {key: map_texts(change, item) for key, item in value.items()}
    if isinstance(value, list):
        return [map_texts(change, item) for item in value]
    return change(value) if isinstance(value, str) else value


def quotations(words: str, text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each run of 40 or more characters of ``words`` in ``text``, the longest from each start on."""
    start = 0
    while start + MIN_QUOTED_CHARS <= len(words):
        end = start + MIN_QUOTED_CHARS
        if words[start:end] not in text:
            start += 1
            continue
        while end < len(words) and words[start : end + 1] in text:
            end += 1
        yield start, end
        start = end


def replaced(words: str, spans: Iterable[tuple[int, int, str]], rest: Callable[[str], str] = str) -> str:
    """The words with each span (start, end) replaced; ``rest`` changes what is between."""
    kept, done = [], 0
    for start, end, shown in spans:
        kept += [rest(words[done:start]), shown]
        done = end
    return "".join([*kept, rest(words[done:])])


def marked(start: int, end: int) -> tuple[int, int, str]:
    """A span with the mark that replaces a passage of the post."""
    return start, end, f"[{end - start} characters of the post]"


def _segments(value: str, blocks: Sequence[Block]) -> Any:
    segments: list[Any] = [value]
    for block in blocks:
        if block.text and block.text in value:
            segments = [new for one in segments for new in split_text(one, block)]
    return segments[0] if len(segments) == 1 else segments


def split_text(segment: Any, block: Block) -> list[Any]:
    """A text as segments, with those of the block in its place; a value that is not a text unchanged."""
    if not isinstance(segment, str):
        return [segment]
    pieces: list[Any] = []
    for number, piece in enumerate(segment.split(block.text)):
        pieces += (block.segments if number else ()) + ((piece,) if piece else ())
    return pieces


_HOLE = b"\0"  # in JSON it stands nowhere
#: A shorter text may be a word of the prompt, or a piece of an escape.
_MIN_CHARS = 40
_MAX_KNOWN = 64


class Digester:
    """`digest_body` for many posts asked in the same words: the text around the post is hashed once."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[bytes]] = {}

    def digest(self, raw: bytes, text: str, blocks: Sequence[Block] = ()) -> bytes:
        """What `digest_body` says."""
        if blocks or len(text) < _MIN_CHARS or _HOLE in raw:
            return digest_body(raw, text, blocks)
        around = raw.replace(json.dumps(text)[1:-1].encode("ascii"), _HOLE)
        own = canonical(mark(text))
        pieces = self._known.get(around)
        if pieces is not None:
            return own.join(pieces)
        body = digest_body(raw, text)
        pieces = body.split(own)
        n_holes = around.count(_HOLE)
        if n_holes and n_holes == len(pieces) - 1 and len(self._known) < _MAX_KNOWN:
            self._known[around] = pieces
        return body


#: A shorter text of the source, such as one letter, would reveal a post letter by letter.
MIN_CLEAR_CHARS = 8
_MADE = "made"
_WORD = re.compile(r"[\w./:+-]{1,64}", re.ASCII)
_SPACE = re.compile(r"\s+")
_QUOTED = re.compile(r"\[characters (\d+)-(\d+) of the post\]")


class Clear:
    """The texts that may be kept in clear text: those of a technique's source, and labels."""

    def __init__(self, texts: Iterable[str]) -> None:
        kept = {text for text in texts if len(text) >= MIN_CLEAR_CHARS and not text.isspace()}
        longest_first = sorted(kept, key=lambda text: (-len(text), text))
        self._pattern = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if kept else None

    def split(self, text: str) -> list[Any]:
        """The text as segments: strings that may be kept, and marks for the rest. White space is kept."""
        segments: list[Any] = []
        for number, piece in enumerate(self._pattern.split(text) if self._pattern else [text]):
            if number % 2 == 0 and piece.strip():  # between two that may stay
                segments.append(mark(piece, _MADE))
            elif segments and isinstance(segments[-1], str):
                segments[-1] += piece
            elif piece:
                segments.append(piece)
        return segments


def digest_made(raw: bytes, text: str, clear: Clear, service: Service = GEMINI) -> bytes:
    """A JSON request body in canonical form of which no passage of ``text`` is left. Raises ValueError: not JSON.

    What is not said to the model is settings; a single word there is not a text.
    """
    body = service.compared_body(json.loads(raw)) if raw else None
    if not isinstance(body, dict):
        return canonical(None if body is None else mark(json.dumps(body), _MADE))
    post = _fold(text)
    digested = {key: _digest(value, text, post, clear, spoken=key in service.spoken) for key, value in body.items()}
    return canonical({_name(key, post): value for key, value in digested.items()})


def take_quotes_out(answer: Any, text: str) -> Any:
    """The answer with ``[characters A-B of the post]`` for each exact quotation of 40 characters and more.

    A quotation in other letters or white space becomes ``[N characters of the post]``, which cannot be put back.
    """
    return map_texts(lambda said: _without_quotes(said, text), answer)


def put_quotes_back(answer: Any, text: str) -> Any:
    """The answer as it came, as far as its quotations were exact."""
    return map_texts(lambda said: _QUOTED.sub(lambda at: text[int(at[1]) : int(at[2])], said), answer)


def quotes(words: str, text: str) -> bool:
    """Whether words that will be shown contain a passage of the text, ignoring case and white space."""
    return _shares_passage(words, _fold(text))


def _digest(value: Any, text: str, post: str, clear: Clear, *, spoken: bool) -> Any:
    if isinstance(value, dict):
        # A part's role and the like are settings, also of what is spoken.
        return {
            _name(key, post): _digest(item, text, post, clear, spoken=spoken and key not in ("role", "type"))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_digest(item, text, post, clear, spoken=spoken) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if not spoken and _WORD.fullmatch(value) and not _shares_passage(value, post):
        return value
    segments: list[Any] = []
    for piece in split_text(value, Block(text, (mark(text),), ())) if text else [value]:
        segments += clear.split(piece) if isinstance(piece, str) else [piece]
    segments = [mark(one, _MADE) if isinstance(one, str) and _shares_passage(one, post) else one for one in segments]
    return segments[0] if len(segments) == 1 else segments


def _name(key: str, post: str) -> str:
    """The name of a key in a request; one that a technique made from a post becomes a hash."""
    return key if _WORD.fullmatch(key) and not _shares_passage(key, post) else mark(key)["sha256"]


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).casefold()


def _shares_passage(text: str, post: str) -> bool:
    """Whether a folded post contains 40 characters of ``text``, ignoring case and white space."""
    folded = _fold(text)
    n, half = len(folded), MIN_QUOTED_CHARS // 2
    # 40 characters in a row hold one of the blocks of 20 that are looked for first: there are few of them.
    if n < MIN_QUOTED_CHARS or not any(folded[i : i + half] in post for i in range(0, n - half + 1, half)):
        return False
    return next(quotations(folded, post), None) is not None


def _without_quotes(answer: str, text: str) -> str:
    spans = (_placed(answer, text, start, end) for start, end in quotations(answer, text))
    return replaced(answer, spans, rest=lambda piece: _without_likeness(piece, text))


def _placed(words: str, text: str, start: int, end: int) -> tuple[int, int, str]:
    """A span with the mark that says where it stands in the text; without the place if it is not there as it is."""
    place = text.find(words[start:end])
    return marked(start, end) if place < 0 else (start, end, f"[characters {place}-{place + end - start} of the post]")


def _without_likeness(piece: str, text: str) -> str:
    post = _fold(text)
    if not _shares_passage(piece, post):
        return piece
    folded, places = _folded_with_places(piece)
    found = ((places[start], places[end - 1] + 1) for start, end in quotations(folded, post))
    # 39 characters may be exact too: with an \u00df they are 40 once they are folded.
    return replaced(piece, (_placed(piece, text, start, end) for start, end in found))


def _folded_with_places(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters the place of the one it came from."""
    folded: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if char.isspace() and folded and folded[-1] == " ":
            continue
        for new in " " if char.isspace() else char.casefold():
            folded.append(new)
            places.append(place)
    return "".join(folded), places
