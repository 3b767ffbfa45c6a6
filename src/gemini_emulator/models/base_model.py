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
from collections.abc import Callable
from functools import lru_cache

from .newsgroup_names import NEWSGROUPS

_WORD = re.compile(r"[a-z0-9+-]+")
_DOTTED = re.compile(r"\b[a-z]+(?:\.[a-z0-9+-]+)+\b")
_ASKS = re.compile(r"\b(newsgroups?|categor(?:y|ies)|class|label|topic)\b", re.IGNORECASE)
# Parts of names that say where a group hangs in the tree, not what it is about.
_HIERARCHY = frozenset(
    {
        "alt",
        "comp",
        "misc",
        "rec",
        "sci",
        "soc",
        "talk",
        "sys",
        "os",
        "lang",
        "sport",
        "politics",
        "culture",
        "arts",
        "games",
        "pro",
        "offered",
        "questions",
    }
)
#: Picks an index from scores, one a candidate.
Draw = Callable[[list[float]], int]
_CHAT = (
    "Thank you for sharing this. It reads like one half of a longer conversation; would you like me to draft "
    "a reply, sum it up, or look into one of the points that were raised?",
    "That is an interesting message. I can explain the background, check the reasoning, or help you to "
    "write an answer. Which of these would be the most useful to you?",
    "Thanks for passing this on. I notice several points one could take up here. Tell me whether you want a "
    "summary or a reply, and in which tone.",
)


def answer(contents: str, *, system_instruction: str, enum: tuple[str, ...], draw: Draw | None = None) -> str:
    """What the base model says. ``enum`` are the only answers a response schema allows; () where there is
    none.

    ``draw`` picks an index from a list of scores where a temperature asks for it; None takes the best.
    """
    listed = enum or tuple(dict.fromkeys(_DOTTED.findall(system_instruction)))
    if enum or system_instruction:
        return name_group(contents, listed or NEWSGROUPS, draw=draw)
    first_line, _, post = contents.partition("\n")
    if "?" in first_line and _ASKS.search(first_line):
        group = name_group(post, NEWSGROUPS, draw=draw)
        return (
            "Judging by the subject and the words its author uses, this message was most likely posted to "
            f"the newsgroup **{group}**, where such matters are discussed."
        )
    return _CHAT[_digest(contents) % len(_CHAT) if draw is None else draw([0.0] * len(_CHAT))]


def name_group(post: str, candidates: tuple[str, ...], *, draw: Draw | None = None) -> str:
    """The candidate whose name's words occur most often in the post.

    A shorter name wins a tie (``sci.med`` before ``sci.med.nutrition``). Where no name matches at all, a
    guess: the candidate that a digest of the post points at, so that the same post always gets the same
    answer.
    """
    hits = _count_hits(post, candidates)
    if draw is not None:
        return candidates[draw([float(count) for count in hits])]
    best, best_rank = "", (0, 0, "")
    for name, count in zip(candidates, hits, strict=True):
        rank = (count, -len(name), name)
        if count and rank > best_rank:
            best, best_rank = name, rank
    return best or candidates[_digest(post) % len(candidates)]


def _count_hits(post: str, candidates: tuple[str, ...]) -> list[int]:
    """For each candidate, how many words of the post are about it."""
    names_of_stem = _index(candidates)
    longest = max(map(len, names_of_stem), default=0)
    hits = [0] * len(candidates)
    for word, count in Counter(_WORD.findall(post.lower())).items():
        # "electronically" is about electronics and "autos" about an auto; but "state" is not about "stat".
        stems = {word, word.removesuffix("s"), *(word[:end] for end in range(5, min(len(word), longest) + 1))}
        for number in {number for stem in stems for number in names_of_stem.get(stem, ())}:
            hits[number] += count
    return hits


@lru_cache(maxsize=32)
def _index(candidates: tuple[str, ...]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for number, name in enumerate(candidates):
        for stem in _stems(name):
            index.setdefault(stem, []).append(number)
    return index


def _stems(name: str) -> tuple[str, ...]:
    words = re.split(r"[^a-z0-9+-]+", name.lower())
    words = [word for word in words if len(word) > 1]
    telling = [word for word in words if word not in _HIERARCHY] or words
    return tuple(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in telling)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
