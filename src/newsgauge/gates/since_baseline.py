"""How a run differs from its baseline, for who shows it: the answers that are others, and what that does to accuracy.

In a replay as in a live run, and whether a gate holds the run to its baseline or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..planning.plan_file import RunPlan
from ..records import Key, Result
from ..scoring.comparisons import compare
from .baseline_file import Baseline, answer_text, baseline_answers


def since_baseline(run: RunPlan, held: Baseline, results: Mapping[Key, Result], *, shown: str) -> dict[str, Any]:
    """By variant, over the posts that both know; variants without such a post are left out."""
    variants = {}
    for variant in run.variants:
        known = baseline_answers(held, variant)
        answered = {
            post.id: answer_text(result)
            for post in run.part.posts
            if post.id in known and (result := results.get((post.id, variant))) is not None and result.prediction
        }
        posts = [post for post in run.part.posts if post.id in answered]
        if not posts:
            continue
        found = compare(posts, answered, known, names=(variant, "baseline"))
        variants[variant] = {
            "n": found.n,
            "difference": found.difference,
            "tango_95": [found.low, found.high],
            "n_gained": len(found.gained),
            "n_lost": len(found.lost),
            "changed": {post.id: known[post.id] for post in posts if answered[post.id] != known[post.id]},
        }
    return {"plan": run.plan.digest, "path": shown, "variants": variants}
