"""What an eval file asserts on tokens: ``tokens.saving("input", "tuned", than="system").saved.low > 0``.

Thin: asks the run for results where a test wants them. Decides nothing.
"""

from __future__ import annotations

from ..errors import NewsgaugeError
from ..running.run import Run
from ..scoring.scoreboard import missing_cases
from ..scoring.tokens import Kind, Saving, saving


class Tokens:
    """The fixture ``tokens``: paired savings over all planned posts, whatever process asked them."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants of this run."""
        return tuple(self._run.setup.variants)

    def saving(self, kind: Kind, frugal: str, *, than: str) -> Saving:
        """What ``frugal`` saves a post. Raises `NewsgaugeError` where a planned case has no answer."""
        both = (frugal, than)
        unknown = [name for name in both if name not in self._run.setup.variants]
        if unknown:
            raise NewsgaugeError(f"tokens: unknown variant {unknown[0]!r}; in this run: {', '.join(self.variants)}")
        results = self._run.results(both)
        broken = [one for key, one in results.items() if key[1] in both and one.prediction is None]
        missing = missing_cases(results, self._run.setup.plan, both)
        if missing or broken:
            raise NewsgaugeError(
                f"tokens: {len(missing) + len(broken)} planned cases of {frugal} and {than} have no answer"
                f"{f'; the first: {broken[0].broken}' if broken else ''}"
            )
        planned = {post.id for post in self._run.setup.plan.posts}
        return saving([one for (post, _), one in results.items() if post in planned], kind, frugal, than)
