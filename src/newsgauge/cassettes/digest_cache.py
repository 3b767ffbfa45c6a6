"""`digest_body` for many posts that are asked in the same words: what stands around the post is digested once. Pure.

The post's text is cut out of a body; the rest is a template. Two bodies with the same template have the same digested
form, except for the mark that stands for the post.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .digest import Block, canonical, digest_body, mark

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
