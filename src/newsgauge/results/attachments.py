"""What evals measure besides the cases, left in the results folder for the report: one file per kind.

A test leaves its result, whatever process it runs in; each kind comes from one test, so no two processes write one
file. The formats are in docs/report.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._util.files import write_json
from ..scoring.stats.intervals import wilson_interval

if TYPE_CHECKING:
    from ..corpora.suspect_labels import SuspectText
    from ..tuning.jobs import Loss

FORMAT = 1


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """A model tuned on ``n_examples``, at most ``posts_per_class`` a class: ``n_correct`` of ``n`` test posts right."""

    posts_per_class: int
    n_examples: int
    n_correct: int
    n: int


@dataclass(frozen=True, slots=True)
class CountedPost:
    """Tokens of one request: of its contents as countTokens says, of the whole as its usage metadata says."""

    counted: int
    used: int

    @property
    def beyond(self) -> int:
        """What was used beyond the contents: instruction and schema, if the variant has them."""
        return self.used - self.counted


class Attachments:
    """The fixture ``exhibits``: each method writes one file of the folder, whole or not at all."""

    def __init__(self, folder: Path, *, plan: str) -> None:
        self._folder = folder
        self._plan = plan

    def leave_learning_curve(self, points: Iterable[LearningPoint]) -> None:
        """``learning_curve.json``: accuracy by training posts, with Wilson's intervals."""
        rows = [
            {
                **asdict(point),
                "accuracy": point.n_correct / point.n,
                "wilson_95": wilson_interval(point.n_correct, point.n),
            }
            for point in points
        ]
        self._leave("learning_curve", points=rows)

    def leave_loss_curve(self, losses: Iterable[Loss], *, model: str) -> None:
        """``loss_curve.json``: the mean loss of each step, in nats an example, of the training of ``model``."""
        self._leave("loss_curve", model=model, losses=[asdict(loss) for loss in losses])

    def leave_token_counts(self, counts: dict[str, list[CountedPost]]) -> None:
        """``token_counts.json``: a sample of each variant's posts, counted beforehand and as used."""
        rows = [
            {
                "variant": variant,
                "n": len(posts),
                "counted": sum(post.counted for post in posts) / len(posts),
                "used": sum(post.used for post in posts) / len(posts),
                "least_beyond": min(post.beyond for post in posts),
                "most_beyond": max(post.beyond for post in posts),
            }
            for variant, posts in counts.items()
        ]
        self._leave("token_counts", variants=rows)

    def leave_suspect_labels(self, texts: Iterable[SuspectText]) -> None:
        """``suspect_labels.json``: the posts that have one text, or nearly, under two labels. The run leaves it."""
        rows = [{"exact": one.is_exact, "posts": one.members} for one in texts]
        self._leave("suspect_labels", texts=rows)

    def _leave(self, name: str, **value: object) -> None:
        write_json(self._folder / f"{name}.json", {"format": FORMAT, "plan": self._plan, **value})
