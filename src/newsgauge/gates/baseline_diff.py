"""Two baselines in, what a reviewer wants to know out: per variant the scores, the prompt and every changed answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .baseline_file import Baseline, BaselineVariant


@dataclass(frozen=True, slots=True)
class VariantChange:
    """How one variant differs. ``old`` is None where it is new; ``answers``: id of the post, old and new answer."""

    variant: str
    old: BaselineVariant | None
    new: BaselineVariant
    answers: tuple[tuple[str, str, str], ...]
    n_added: int
    n_dropped: int

    @property
    def is_same(self) -> bool:
        """True where not a byte of the file is another."""
        return self.old == self.new

    @property
    def scores(self) -> tuple[tuple[str, Any, Any], ...]:
        """The scores that changed: name, old and new."""
        old = {} if self.old is None else self.old.scores
        return tuple((name, old.get(name), value) for name, value in self.new.scores.items() if old.get(name) != value)


def diff_baselines(old: Baseline | None, new: Baseline) -> tuple[VariantChange, ...]:
    """One change a variant of the new baseline, in its order."""
    return tuple(
        _change(name, None if old is None else old.variants.get(name), one) for name, one in new.variants.items()
    )


def _change(name: str, old: BaselineVariant | None, new: BaselineVariant) -> VariantChange:
    before = {} if old is None else old.answers
    changed = tuple(
        (post_id, before[post_id], answer)
        for post_id, answer in new.answers.items()
        if post_id in before and before[post_id] != answer
    )
    n_added, n_dropped = len(new.answers.keys() - before.keys()), len(before.keys() - new.answers.keys())
    return VariantChange(name, old, new, changed, n_added, n_dropped)
