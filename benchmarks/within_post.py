"""Whether the variance within a post that repeats show is that of the probabilities that the answers were drawn with.

    python benchmarks/within_post.py

Asks the embedded backend about the bundled corpus at temperature 1, 80 posts and 20 answers each, and notes the
probabilities with which it draws each answer. Prints the variance within a post and the flip rate that
`scoring.stats.repeats` finds in the answers, with 95% intervals by post, beside those of the probabilities: the mean of
p (1 - p), and of 1 - the sum of all squared probabilities. Status 1 if one of the two lies outside.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from unittest.mock import patch

import httpx

from gemini_emulator.models.sampling import Sampler
from gemini_emulator.server import EmbeddedServer
from newsgauge._util.pytest_ini import Folders
from newsgauge.running.run_options import default_options, setup_of
from newsgauge.scoring.stats.repeats import flip_rate, spread
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 20


def main() -> int:
    variants = load_variants(ROOT / "evals/variants.toml")
    setup = setup_of(default_options(variants="labels"), variants, root=ROOT, ini=Folders(ROOT).ini)
    labels, drawn_with = setup.plan.labels, list[list[float]]()
    draw = Sampler.draw

    def noted(sampler: Sampler, logits: list[float], *, round_number: int = 0) -> int:
        drawn_with.append(logits)
        return draw(sampler, logits, round_number=round_number)

    answers, chances = [], []
    with patch.object(Sampler, "draw", noted), EmbeddedServer() as server, httpx.Client(trust_env=False) as client:
        url = f"{server.base_url}/v1beta/models/gemini-3.5-flash-lite:generateContent"
        for post in setup.plan.posts:
            body = {
                "systemInstruction": {"parts": [{"text": f"Name one of these: {', '.join(labels)}"}]},
                "contents": [{"role": "user", "parts": [{"text": post.text}]}],
                "generationConfig": {
                    "temperature": 1.0,
                    "responseMimeType": "text/x.enum",
                    "responseSchema": {"type": "STRING", "enum": labels},
                },
            }
            said = [client.post(url, json=body) for _ in range(REPEATS)]
            answers.append([one.json()["candidates"][0]["content"]["parts"][0]["text"].strip() for one in said])
            weights = [math.exp(logit) for logit in drawn_with[-1]]
            chances.append({label: one / sum(weights) for label, one in zip(labels, weights, strict=True)})
    own = [one[post.label] for one, post in zip(chances, setup.plan.posts, strict=True)]
    right = [[one == post.label for one in row] for row, post in zip(answers, setup.plan.posts, strict=True)]
    print(
        f"{len(answers)} posts, {REPEATS} answers each, accuracy {mean(map(mean, right)):.1%}, expected {mean(own):.1%}"
    )
    within = [p * (1 - p) for p in own]
    flips = [1 - sum(p * p for p in one.values()) for one in chances]
    is_within = [
        shown("variance within a post", spread(right)[1], [spread([row, row])[1] for row in right], within),
        shown("flip rate", flip_rate(answers), [flip_rate([row]) for row in answers], flips),
    ]
    return 0 if all(is_within) else 1


def shown(name: str, found: float, by_post: Sequence[float], expected: Sequence[float]) -> bool:
    """Print one line; whether what the probabilities say lies within the interval of what was found."""
    error = stdev(a - b for a, b in zip(by_post, expected, strict=True)) / math.sqrt(len(by_post))
    low, high, truth = found - 1.96 * error, found + 1.96 * error, mean(expected)
    print(f"{name}: {found:.4f} [{low:.4f}, {high:.4f}], of the probabilities {truth:.4f}")
    return low <= truth <= high


if __name__ == "__main__":
    sys.exit(main())
