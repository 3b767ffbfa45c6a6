"""Temperature, topP, topK and seed: scores or probabilities in, the index that is drawn out."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampler:
    """How an answer is drawn. With temperature 0, the default, the best is taken and nothing is random."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None

    def draw(self, logits: list[float], *, round_number: int = 0) -> int:
        """An index, with probability softmax(logits / temperature) among the topK and topP.

        The same seed draws the same index from the same logits; without a seed, every call draws anew.
        ``round_number`` tells the candidates of one answer apart.
        """
        best = max(range(len(logits)), key=logits.__getitem__)
        if self.temperature <= 0:
            return best
        weights = [math.exp((logit - logits[best]) / self.temperature) for logit in logits]
        order = sorted(range(len(logits)), key=lambda index: -weights[index])[: self.top_k or None]
        kept, mass, total = [], 0.0, sum(weights[index] for index in order)
        for index in order:
            kept.append(index)
            mass += weights[index] / total
            if mass >= self.top_p:
                break
        source = random.Random() if self.seed is None else random.Random(f"{self.seed}/{round_number}")
        return source.choices(kept, [weights[index] for index in kept])[0]
