"""For texts that are no mail: nothing is taken out, only what no request could carry."""

from __future__ import annotations

from .bodies import clip
from .charsets import well_formed


def plain(raw: str) -> str:
    """The text as it is: valid Unicode, at most 40,000 characters, never ending inside a character."""
    return clip(well_formed(raw))
