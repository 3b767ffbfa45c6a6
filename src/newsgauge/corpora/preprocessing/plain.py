"""For texts that are no mail: nothing is taken out, only what no request could carry."""

from __future__ import annotations

from .charsets import well_formed
from .clipping import clip


def plain(raw: str) -> str:
    """The text as it is: valid Unicode, at most 40,000 characters, never ending inside a character."""
    return clip(well_formed(raw))
