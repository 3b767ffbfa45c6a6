"""The first so many characters of a text, never ending inside what a reader sees as one character."""

from __future__ import annotations

import unicodedata

#: The longest text that is asked about, in characters (code points); the codelab's figure.
MAX_CHARS = 40_000

_JOINER = "\u200d"


def clip(text: str, limit: int = MAX_CHARS) -> str:
    """The first ``limit`` characters, or a few fewer where the cut would fall inside a character as seen.

    Kept whole are a letter with its combining marks, a joined or tinted emoji, a flag, a Hangul syllable of
    parts: the cases of Unicode's grapheme clusters (UAX #29) that occur in mail. One such cluster goes
    entirely or stays entirely, however long it is.
    """
    if len(text) <= limit:
        return text
    cut = limit
    while cut > 0 and (_extends(text[cut]) or text[cut - 1] == _JOINER or _splits_flag(text, cut)):
        cut -= 1
    return text[:cut]


def _extends(char: str) -> bool:
    """True for a character that belongs to the one before it."""
    if char < "\u0300":
        return False
    return (
        unicodedata.category(char)[0] == "M"  # combining marks and variation selectors
        or char in "\u200c\u200d"
        or "\u1160" <= char <= "\u11ff"  # Hangul vowels and finals
        or "\ud7b0" <= char <= "\ud7fb"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags, as in the flag of Scotland
    )


def _splits_flag(text: str, cut: int) -> bool:
    """True where ``cut`` lies inside a pair of regional indicators; pairs count from their run's start."""
    if not _is_indicator(text[cut]):
        return False
    start = cut
    while start > 0 and _is_indicator(text[start - 1]):
        start -= 1
    return (cut - start) % 2 == 1


def _is_indicator(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
