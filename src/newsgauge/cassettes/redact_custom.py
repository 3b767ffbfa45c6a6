"""What is kept of requests and answers that a technique of the user's own makes from a post. Pure.

A technique may cut a post, change its case or put it into several parts, so looking for its text would not find it.
Here it is the other way round: of what is asked, only texts that stand in the technique's source stay in clear, and
everything else is a digest and a length. Where a text of the source is a passage of the post, it is a digest too.

Answers stay, without passages of the post. A passage that is quoted exactly is replaced by where it stands in the post,
and a replay puts it back, as the technique may build its next request from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from .digest import MIN_QUOTED_CHARS, Block, canonical, map_texts, mark, marked, quotations, replaced, split_text
from .services import GEMINI, Service

#: A shorter text of the source, such as one letter, would lay bare a post letter by letter.
MIN_CLEAR_CHARS = 8
_MADE = "made"
_WORD = re.compile(r"[\w./:+-]{1,64}", re.ASCII)
_SPACE = re.compile(r"\s+")
_QUOTED = re.compile(r"\[characters (\d+)-(\d+) of the post\]")


class Clear:
    """The texts that may stand in clear: those of a technique's source, and labels."""

    def __init__(self, texts: Iterable[str]) -> None:
        kept = {text for text in texts if len(text) >= MIN_CLEAR_CHARS and not text.isspace()}
        longest_first = sorted(kept, key=lambda text: (-len(text), text))
        self._pattern = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if kept else None

    def split(self, text: str) -> list[Any]:
        """The text as segments: strings that may stay, marks for the rest. White space may stay."""
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

    What is not said to the model are settings, where a word by itself is no text.
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
    """Whether words that are going to be shown hold a passage of the text, whatever its case and white space."""
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
    """A name in a request; one that a technique made from a post is a digest."""
    return key if _WORD.fullmatch(key) and not _shares_passage(key, post) else mark(key)["sha256"]


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).casefold()


def _shares_passage(text: str, post: str) -> bool:
    """Whether 40 characters of ``text`` stand in a folded post, whatever their case and white space."""
    folded = _fold(text)
    n, half = len(folded), MIN_QUOTED_CHARS // 2
    # 40 characters in a row hold one of the blocks of 20 that are looked for first: there are few of them.
    if n < MIN_QUOTED_CHARS or not any(folded[i : i + half] in post for i in range(0, n - half + 1, half)):
        return False
    return next(quotations(folded, post), None) is not None


def _without_quotes(answer: str, text: str) -> str:
    spans = []
    for start, end in quotations(answer, text):
        place = text.index(answer[start:end])
        spans.append((start, end, f"[characters {place}-{place + end - start} of the post]"))
    return replaced(answer, spans, rest=lambda piece: _without_likeness(piece, text))


def _without_likeness(piece: str, text: str) -> str:
    post = _fold(text)
    if not _shares_passage(piece, post):
        return piece
    folded, places = _folded_with_places(piece)
    return replaced(piece, (marked(places[start], places[end - 1] + 1) for start, end in quotations(folded, post)))


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
