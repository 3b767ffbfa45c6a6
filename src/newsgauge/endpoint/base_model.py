"""The embedded base model: no training, only the names of newsgroups matched with the words of the post.

Three ways to be asked, told apart by the request alone:

- a system instruction: answers with a bare name;
- a question in the first line of the contents: answers with a full sentence that names a group;
- neither: answers the mail as a chat would. It never quotes the mail.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import cache

from .names import NEWSGROUPS

_WORD = re.compile(r"[a-z0-9+-]+")
_DOTTED = re.compile(r"\b[a-z]+(?:\.[a-z0-9+-]+)+\b")
_ASKS = re.compile(r"\b(newsgroups?|categor(?:y|ies)|class|label|topic)\b", re.IGNORECASE)
# Parts of names that say where a group hangs in the tree, not what it is about.
_HIERARCHY = frozenset(
    "alt comp misc rec sci soc talk sys os lang sport politics culture arts games pro offered questions".split()
)
_CHAT = (
    "Thank you for sharing this. It reads like one half of a longer conversation; would you like me to draft a reply, "
    "sum it up, or look into one of the points that were raised?",
    "That is an interesting message. I can explain the background, check the reasoning, or help you to write an "
    "answer. Which of these would be the most useful to you?",
    "Thanks for passing this on. I notice several points one could take up here. Tell me whether you want a summary "
    "or a reply, and in which tone.",
)


def answer(contents: str, *, system_instruction: str, enum: tuple[str, ...]) -> str:
    """What the base model says. ``enum`` are the only answers a response schema allows; () where there is none."""
    listed = enum or tuple(dict.fromkeys(_DOTTED.findall(system_instruction)))
    if enum or system_instruction:
        return name_group(contents, listed or NEWSGROUPS)
    first_line, _, post = contents.partition("\n")
    if "?" in first_line and _ASKS.search(first_line):
        return (
            f"Judging by the subject and the words its author uses, this message was most likely posted to the "
            f"newsgroup **{name_group(post, NEWSGROUPS)}**, where such matters are discussed."
        )
    return _CHAT[_digest(contents) % len(_CHAT)]


def name_group(post: str, candidates: tuple[str, ...]) -> str:
    """The candidate whose name's words occur most often in the post.

    A shorter name wins a tie (``sci.med`` before ``sci.med.nutrition``). Where no name matches at all, a guess: the
    candidate that a digest of the post points at, so that the same post always gets the same answer.
    """
    counts = Counter(_WORD.findall(post.lower()))
    best, best_rank = "", (0, 0, "")
    for name in candidates:
        hits = sum(n for word, n in counts.items() if any(_is_about(word, stem) for stem in _stems(name)))
        rank = (hits, -len(name), name)
        if hits and rank > best_rank:
            best, best_rank = name, rank
    return best or candidates[_digest(post) % len(candidates)]


def _is_about(word: str, stem: str) -> bool:
    # "electronically" is about electronics and "autos" about an auto; but "state" is not about "stat".
    return word in (stem, stem + "s") or (len(stem) >= 5 and word.startswith(stem))


@cache
def _stems(name: str) -> tuple[str, ...]:
    words = re.split(r"[^a-z0-9+-]+", name.lower())
    words = [word for word in words if len(word) > 1]
    telling = [word for word in words if word not in _HIERARCHY] or words
    return tuple(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in telling)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
