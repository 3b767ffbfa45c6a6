"""What a run was about, kept as plan.json beside its results, so that these can be joined without the corpus.

Enters: a `RunPlan`, or the file. Holds ids, labels, numbered threads and digests; no text of a post.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UsageError
from ..records import Post
from ..variants.variants_file import Variant, prompt_digest
from .sampling import Plan
from .sharding import Shard, parse_shard, part_of

NAME = "plan.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run asked, and whom. ``part`` is what it asked of the ``plan``: all of it, or its shard's posts.

    ``asked``: variant -> digest of what variants.toml says of it; ``prompts``: the same with the model that was tuned
    in the place of ``tuned``. ``n_whole_set``: posts of these labels in the whole corpus. ``stand_ins``: a line for
    each variant whose answers are another model's. ``left_out``: tests that need the whole plan, and so were no part of
    a shard. ``failed``: the first tests that failed and are no gates. ``made_by``: the version of newsgauge.
    ``inputs``: what else the verdict rests on, see `planning.inputs`; ``results``: digest of the results.csv beside it.
    ``trained_threads``: variant -> the posts of the plan whose threads its tuned model or estimator was trained on.
    ``chosen_by_hand``: options by which the command line itself, and not a file or the environment, leaves gates out.
    """

    plan: Plan
    part: Plan
    shard: Shard | None
    backend: str
    mode: str
    asked: Mapping[str, str]
    prompts: Mapping[str, str]
    n_whole_set: int | None
    stand_ins: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    made_by: str = __version__
    inputs: Mapping[str, str] = field(default_factory=dict)
    chosen_by_hand: tuple[str, ...] = ()
    results: str = ""
    trained_threads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that were asked, in the order of variants.toml."""
        return tuple(self.prompts)

    @property
    def replays(self) -> bool:
        """True where every answer came from a cassette."""
        return self.mode == "none"

    @property
    def extent(self) -> str:
        """``100 posts``, or ``shard 2/4: 100 of 400 cases``."""
        if self.shard is None:
            return f"{len(self.plan.posts)} {self.plan.units}"
        n_cases, n_whole = (part.n_cases(self.variants) for part in (self.part, self.plan))
        return f"shard {self.shard}: {n_cases} of {n_whole} cases"

    def describe(self) -> dict[str, object]:
        """What was run, as each file of the results folder says it."""
        plan = self.plan
        return {
            "corpus": plan.corpus,
            "backend": self.backend,
            "plan": plan.digest,
            "classes": plan.classes,
            "posts_per_class": plan.posts_per_class,
            "sample_seed": plan.seed,
            **({"sample": plan.sample} if plan.sample else {}),
            **({"preprocessing": plan.preprocessing} if plan.texts != plan.corpus else {}),
            "n_posts": len(plan.posts),
            **({"unit": plan.unit} if plan.unit != "post" else {}),
            "variants": list(self.variants),
            "record_mode": self.mode,
            **({"repeats": dict(plan.repeats)} if plan.repeats else {}),
            **({"shard": str(self.shard)} if self.shard else {}),
        }


def asked_digest(variant: Variant) -> str:
    """First 12 hex digits of a SHA-256 over what variants.toml says of how a variant asks and is tuned."""
    return prompt_digest(variant, f"{variant.model} {variant.tuning}")


def encode_plan(run: RunPlan) -> str:
    """The file: JSON, one post a line."""
    plan = run.plan
    head = {
        "format": _FORMAT,
        "newsgauge": run.made_by,
        **run.describe(),
        "shard": str(run.shard) if run.shard else None,
        "allow_threads": plan.allow_threads,
        "preprocessing": plan.preprocessing,
        "labels": list(plan.labels),
        "corpus_labels": list(plan.corpus_labels),
        "population": dict(plan.population),
        "slices": {name: _places(of, plan) for name, of in plan.slices.items()},
        "asked": dict(run.asked),
        "prompts": dict(run.prompts),
        "n_posts_of_the_whole_set": run.n_whole_set,
        "stand_ins": list(run.stand_ins),
        "left_out": list(run.left_out),
        "failed": list(run.failed),
        "inputs": dict(run.inputs),
        "chosen_by_hand": list(run.chosen_by_hand),
        "results": run.results,
        "trained_threads": {name: list(ids) for name, ids in run.trained_threads.items()},
    }
    numbers: dict[str, int] = {}
    sizes = Counter(post.thread for post in plan.posts)
    rows = []
    for post in plan.posts:
        # A thread is told by its subject, which is text of a post: its number says as much.
        shared = post.thread is not None and sizes[post.thread] > 1
        thread = numbers.setdefault(str(post.thread), len(numbers) + 1) if shared else None
        rows.append("    " + json.dumps([post.id, post.label, thread]))
    text = json.dumps(head, indent=2).removesuffix("\n}")
    return f'{text},\n  "posts": [\n' + ",\n".join(rows) + "\n  ]\n}\n"


def _places(slices: Mapping[str, str], plan: Plan) -> dict[str, list[int]]:
    """Slice -> the places of its posts in the list."""
    return {
        name: [place for place, post in enumerate(plan.posts) if slices[post.id] == name]
        for name in dict.fromkeys(slices.values())
    }


def load_plan(folder: Path) -> RunPlan:
    """The plan of a results folder. Raises `UsageError` where there is none, or it is not one."""
    path = folder / NAME
    try:
        value = json.loads(path.read_text("utf-8"))
        if value["newsgauge"] != __version__ or value["format"] != _FORMAT:
            raise UsageError(
                f"{path}: written by newsgauge {value['newsgauge']}, this is {__version__}; results are joined by the "
                "version that made them"
            )
        return _decode(value)
    except FileNotFoundError:
        below = sorted(path.parent.name for path in folder.glob(f"*/{NAME}"))
        todo = (
            f"they are in its folders {', '.join(below)}: name those, as in {folder}/*"
            if below
            else "no results, or the run was cut short: run it again"
        )
        raise UsageError(f"{folder}: expected {NAME} and results.csv, as a run leaves them; {todo}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not a plan ({type(error).__name__}: {error}); run it again") from None


def planned_threads(folder: Path) -> dict[str, str]:
    """Id of a post -> its thread, for the posts that share one; empty if no plan says so."""
    try:
        posts = json.loads((folder / NAME).read_text("utf-8"))["posts"]
        return {str(post_id): f"thread {thread}" for post_id, _, thread in posts if thread is not None}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _decode(value: dict[str, Any]) -> RunPlan:
    posts = tuple(
        Post(str(post_id), str(label), "", None if thread is None else f"thread {int(thread)}")
        for post_id, label, thread in value["posts"]
    )
    plan = Plan(
        corpus=value["corpus"],
        classes=value["classes"],
        posts_per_class=value["posts_per_class"],
        seed=value["sample_seed"],
        allow_threads=value["allow_threads"],
        preprocessing=value["preprocessing"],
        labels=tuple(value["labels"]),
        corpus_labels=tuple(value["corpus_labels"]),
        posts=posts,
        whole_digest=value["plan"],
        repeats={str(name): int(times) for name, times in value.get("repeats", {}).items()},
        sample=value.get("sample", ""),
        population=dict(value.get("population", {})),
        unit=value.get("unit", "post"),
        slices={
            str(name): {posts[int(place)].id: str(one) for one, places in of.items() for place in places}
            for name, of in value.get("slices", {}).items()
        },
    )
    shard = None if value["shard"] is None else parse_shard(value["shard"])
    return RunPlan(
        plan=plan,
        part=plan if shard is None else part_of(plan, shard),
        shard=shard,
        backend=value["backend"],
        mode=value["record_mode"],
        asked=dict(value["asked"]),
        prompts=dict(value["prompts"]),
        n_whole_set=value["n_posts_of_the_whole_set"],
        stand_ins=tuple(value["stand_ins"]),
        left_out=tuple(value["left_out"]),
        failed=tuple(value["failed"]),
        made_by=value["newsgauge"],
        inputs=dict(value["inputs"]),
        chosen_by_hand=tuple(value["chosen_by_hand"]),
        results=value["results"],
        trained_threads={name: tuple(ids) for name, ids in value["trained_threads"].items()},
    )
