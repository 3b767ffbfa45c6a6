"""What a run asked and where each answer is recorded, for its report: a run's configuration in, plain values out."""

from __future__ import annotations

from typing import Any

from ..cassettes.store import CassetteFile
from ..variants.prompt_text import prompt_parts
from .run_config import RunConfig


def asked_values(setup: RunConfig) -> dict[str, Any]:
    """``prompts``: by variant name and text of each part; ``recordings``: by variant the file and each post's line;
    ``trained_on``: in words, by variant that is trained."""
    recordings = {}
    for name, variant in setup.variants.items():
        path = setup.cassettes / f"{name}.jsonl"
        if variant.has_cassette and path.exists():
            file = CassetteFile(path)
            lines = {post.id: file.line_number(post.id) for post in setup.part.posts}
            recordings[name] = {"path": f"{setup.shown_cassettes}/{name}.jsonl", "lines": lines}
    prompts = {name: prompt_parts(variant, setup.plan.labels) for name, variant in setup.variants.items()}
    trained = {
        name: f"{len(one.examples):,} {setup.plan.units} of {len(one.labels)} labels, hash {one.digest}: {one.model}"
        for name, one in setup.trainings.items()
    }
    return {"prompts": prompts, "recordings": recordings, "trained_on": trained}
