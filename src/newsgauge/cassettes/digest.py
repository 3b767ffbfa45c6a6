"""Takes a post's text out of what is kept: digests in requests, ellipses in answers. Pure.

Prompts stay in clear, so that a diff of a cassette shows what was asked; the post is a digest and a length, and so is
each training post that a prompt shows as an example.

`digest_body` for many posts that are asked in the same words: what stands around the post is digested once. Pure.

The post's text is cut out of a body; the rest is a template. Two bodies with the same template have the same digested
form, except for the mark that stands for the post.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import starmap
from typing import Any

#: An answer may share a name or a phrase with its post; a run this long is a quotation.
MIN_QUOTED_CHARS = 40
_BEFORE_VERSION = re.compile(r"^.+(?=/v\d+(?:(?:alpha|beta)\d*)?/)")
_EXPRESS = re.compile(r"^/v[^/]+(?=/publishers/)")
_PROJECT = re.compile(r"/projects/[^/]+/locations/[^/]+/")


@dataclass(frozen=True, slots=True)
class Block:
    """A text that every request of a variant holds, and the segments that stand for it: strings and marks."""

    text: str = field(repr=False)
    segments: tuple[Any, ...]
    #: The texts in it that are not kept.
    hidden: tuple[str, ...] = field(repr=False)


def mark(text: str, of: str = "") -> dict[str, Any]:
    """What stands for a text that is not kept; ``of`` says where it came from, where that is not the case's post."""
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


@lru_cache(maxsize=256)  # a run asks few paths, each of them for every post
def stable_path(path: str) -> str:
    """The request path without what differs between accounts.

    That is the Google Cloud project and location, and what stands before the version of the API where a gateway is
    asked: its path may name an account, and who replays need not know the gateway. Vertex's express mode names no
    project, and asks the same.
    """
    path = _EXPRESS.sub(r"\g<0>/projects/-/locations/-", _BEFORE_VERSION.sub("", path))
    return _PROJECT.sub("/projects/-/locations/-/", path)


def unquote(answer: Any, text: str, blocks: Sequence[Block] = ()) -> Any:
    """The answer with every run of 40 or more characters of the post replaced by ``[N characters of the post]``.

    Runs of what a block hides likewise.
    """
    private = "\0".join([text, *(part for block in blocks for part in block.hidden)])
    return map_texts(lambda said: replaced(said, starmap(marked, quotations(said, private))), answer)


def map_texts(change: Callable[[str], Any], value: Any) -> Any:
    """A JSON value with each of its texts changed; names stay."""
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
    """The words with another text for each span, start and end; ``rest`` changes what lies between."""
    kept, done = [], 0
    for start, end, shown in spans:
        kept += [rest(words[done:start]), shown]
        done = end
    return "".join([*kept, rest(words[done:])])


def marked(start: int, end: int) -> tuple[int, int, str]:
    """A span with what stands in the place of a passage of the post."""
    return start, end, f"[{end - start} characters of the post]"


def _segments(value: str, blocks: Sequence[Block]) -> Any:
    segments: list[Any] = [value]
    for block in blocks:
        if block.text and block.text in value:
            segments = [new for one in segments for new in split_text(one, block)]
    return segments[0] if len(segments) == 1 else segments


def split_text(segment: Any, block: Block) -> list[Any]:
    """A text as segments, the block's in its place; what is no text as it is."""
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
    """Remembers how bodies look around the post."""

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
