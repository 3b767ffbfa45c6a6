"""The embedded base model: a prompt in, its possible answers and their probabilities out.

It reads the prompt (`reading`) and compares its labels with the text by word vectors (`label_scores`). It answers in
one of three ways: with a bare label, if labels or a system instruction ask for one; with a sentence that names a
newsgroup, if a message asks for one without listing any; and like a chat otherwise. It never quotes the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..reading.prompt_reading import Reading, read_prompt_parts
from .label_scores import LabelScores
from .newsgroup_names import NEWSGROUPS
from .prompt import Prompt

_SENTENCE = (
    "Judging by the subject and the words its author uses, this message was most likely posted to "
    "the newsgroup **{}**, where such matters are discussed."
)
_CHAT = (
    "Thank you for sharing this. It reads like one half of a longer conversation; would you like me to draft "
    "a reply, sum it up, or look into one of the points that were raised?",
    "That is an interesting message. I can explain the background, check the reasoning, or help you to "
    "write an answer. Which of these would be the most useful to you?",
    "Thanks for passing this on. I notice several points one could take up here. Tell me whether you want a "
    "summary or a reply, and in which tone.",
)
_MOST_EXAMPLES = 2_000
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
#: Thinking tokens per paragraph.
TOKENS_A_PARAGRAPH = 16


@dataclass(frozen=True)
class BaseModel:
    """The base model in front of one prompt."""

    prompt: Prompt

    @cached_property
    def reading(self) -> Reading:
        """What the prompt says; its enum is what a schema allows as the whole answer."""
        return read_prompt_parts(self.prompt.instruction_read, self.prompt.turns, self.prompt.enum)

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can name: the labels of the prompt, else the newsgroups it has heard of."""
        return self.reading.labels or NEWSGROUPS

    def scores(self, labels: tuple[str, ...]) -> list[float]:
        """The logit of each label; thinking adds the score of the paragraph that fits it best."""
        reading = self.reading
        if labels != reading.labels and labels != NEWSGROUPS:  # one of several enums of a JSON schema
            reading = read_prompt_parts(self.prompt.instruction_read, self.prompt.turns, labels)
        model = _label_scores(labels, tuple(reading.descriptions.items()), reading.examples[:_MOST_EXAMPLES])
        return model.scores(reading.text, self._paragraphs)

    def answers(self) -> tuple[str, ...] | None:
        """Its possible answers in the order of `labels`, None if it chats."""
        if not self.reading.asks:
            return None
        bare = self.reading.labels or self.prompt.instruction.strip()
        return self.labels if bare else tuple(_SENTENCE.format(label) for label in self.labels)

    def chat(self) -> tuple[str, ...]:
        """What it says if nothing is asked for, the likeliest first."""
        first = int.from_bytes(hashlib.sha256(self.reading.text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        return _CHAT[first % len(_CHAT) :] + _CHAT[: first % len(_CHAT)]

    def thought(self) -> str:
        """Its thought, one sentence per paragraph; '' if it must not think."""
        if not self.prompt.thinking_tokens:
            return ""
        if not self._paragraphs:
            return "Nothing is asked of me here, so I say what I could do with a message of this kind."
        told = [f"I read the text in {len(self._paragraphs)} parts."]
        for number, paragraph in enumerate(self._paragraphs, 1):
            scores = _label_scores(self.labels, tuple(self.reading.descriptions.items()), ()).scores(paragraph, ())
            told.append(f"Part {number} is closest to {self.labels[scores.index(max(scores))]}.")
        return " ".join(told)

    @cached_property
    def _paragraphs(self) -> tuple[str, ...]:
        """Those that its thinking tokens are enough for, each at most once."""
        if not self.prompt.thinking_tokens or not self.reading.asks:
            return ()
        most = -(-self.prompt.thinking_tokens // TOKENS_A_PARAGRAPH)
        parts = (part.strip() for part in _PARAGRAPH.split(self.reading.text[: most * 2_000]))
        return tuple(dict.fromkeys(filter(None, parts)))[:most]


@lru_cache(maxsize=64)
def _label_scores(
    labels: tuple[str, ...], descriptions: tuple[tuple[str, str], ...], examples: tuple[tuple[str, str], ...]
) -> LabelScores:
    known: Mapping[str, str] = dict(descriptions)
    return LabelScores(labels, known, examples)
