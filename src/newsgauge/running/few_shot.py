"""Few-shot prompts: training posts in, the text for ``{examples}`` out, and the form that a cassette keeps.

The examples are the same for every post of a variant. Their texts are posts too, so no recording holds them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..cassettes.digest import Block, mark
from ..corpora.preprocessing.bodies import clip
from ..planning.training_set import TrainPosts
from ..records import Post
from ..variants.variants_file import FewShot

_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a variant: ``block`` has their text as sent and as kept."""

    posts: tuple[Post, ...]
    block: Block

    @property
    def digest(self) -> str:
        """First 12 hex digits of a SHA-256 over what is shown."""
        return hashlib.sha256(self.block.text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def make_examples(train: TrainPosts, few_shot: FewShot) -> Examples:
    """Draw and lay out the examples. They share no text and no thread with a test post. Raises `CorpusError`."""
    drawn = train.draw(few_shot.per_class, few_shot.seed)
    posts = tuple(
        Post(post.id, post.label, clip(post.text, few_shot.chars)) for post in drawn if post.label in train.labels
    )
    return Examples(posts, lay_out(posts, few_shot.template))


def lay_out(posts: tuple[Post, ...], template: str) -> Block:
    """The template filled for each post, with an empty line between two; a mark with the post's id for each text."""
    before, _, after = template.partition("{post}")
    segments: list[object] = []
    for number, post in enumerate(posts):
        ends = [part.replace("{label}", post.label) for part in (before, after)]
        segments += [(_BETWEEN if number else "") + ends[0], mark(post.text, f"example {post.id}"), ends[1]]
    texts = iter([post.text for post in posts])
    text = "".join(part if isinstance(part, str) else next(texts) for part in segments)
    return Block(text, _joined(segments), tuple(post.text for post in posts))


def _joined(segments: list[object]) -> tuple[object, ...]:
    """The same, neighbouring strings as one, and no empty ones."""
    joined: list[object] = []
    for part in segments:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)
