"""The plan of a run, kept as plan.json beside its results, so that they can be joined without the corpus.

Enters: a `RunPlan`, or the file. Holds ids, labels, numbered threads and digests; no text of a post.

A shard is the part of a plan that one machine of several asks. All variants of a post stay in one shard, so that a
shard can compare them. Posts are dealt out class by class, each class in the order of the draw: shards differ by at
most one post, in whole as in each class.

The inputs of a verdict, besides its posts, are the commit, the version, and hashes of files by name. Two runs
that belong together (shards, workers on other hosts, a run and the checkout that checks it) have the same inputs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .. import __version__
from .._util.files import commit_of, sealed
from .._util.option_values import is_whole
from ..errors import UsageError
from ..records import Post
from ..variants.variants_file import Variant, prompt_digest
from .sampling import Plan, rank, stopped_at
from .stops import decode_stops, encode_stops

NAME = "plan.json"
_FORMAT = 1
#: Fields of `Plan` and `RunPlan` that have another name in the file.
_OTHER_NAMES = {
    "seed": "sample_seed",
    "whole_digest": "plan",
    "mode": "record_mode",
    "made_by": "newsgauge",
    "n_whole_set": "n_posts_of_the_whole_set",
}


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard ``number`` of ``of``, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run asked, and whom. ``part`` is what it asked of the ``plan``: all of it, or its shard's posts.

    ``asked``: variant -> digest of what variants.toml says of it; ``prompts``: the same with the model that was tuned
    in the place of ``tuned``. ``n_whole_set``: posts of these labels in the whole corpus. ``stand_ins``: a line for
    each variant whose answers are another model's. ``left_out``: tests that need the whole plan, and so were no part of
    a shard. ``failed``: the first tests that failed and are no gates. ``made_by``: the version of newsgauge.
    ``inputs``: what else the verdict rests on, see `read_inputs`; ``results``: digest of the results.csv beside it.
    ``trained_threads``: variant -> the posts of the plan whose threads its tuned model or estimator was trained on.
    ``chosen_by_hand``: options by which the command line itself, and not a file or the environment, leaves gates out.
    ``unreviewed``: options that choose this plan, say so in a file or the environment, and are not the baseline's plan.
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
    unreviewed: tuple[str, ...] = ()
    results: str = ""
    trained_threads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that were asked, in the order of variants.toml."""
        return tuple(self.prompts)

    @property
    def replays(self) -> bool:
        """True if every answer came from a cassette."""
        return self.mode == "none"

    @property
    def extent(self) -> str:
        """``100 posts``, or ``shard 2/4: 100 of 400 cases``."""
        if self.shard is None:
            return f"{'at most ' if self.plan.stops else ''}{len(self.plan.posts)} {self.plan.units}"
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
            **({"stops": encode_stops(plan.stops)} if plan.stops else {}),
            **({"shard": str(self.shard)} if self.shard else {}),
        }


def asked_digest(variant: Variant) -> str:
    """First 12 hex digits of a SHA-256 over what variants.toml says of how a variant asks and is tuned."""
    return prompt_digest(variant, f"{variant.model} {variant.tuning}")


def plan_facts(run: RunPlan) -> dict[str, object]:
    """What the file says of a run, but for its posts."""
    plan = run.plan
    return {
        "format": _FORMAT,
        "newsgauge": run.made_by,
        **run.describe(),
        **{key: getattr(part, name) for part in (plan, run) for name, key in _keys(type(part)).items()},
        "plan": plan.digest,
        "shard": str(run.shard) if run.shard else None,
        "slices": {name: _places(of, plan) for name, of in plan.slices.items()},
        "stops": encode_stops(plan.stops),
    }


def encode_plan(run: RunPlan) -> str:
    """The file: JSON, one post per line, sealed."""
    plan = run.plan
    numbers: dict[str, int] = {}
    sizes = Counter(post.thread for post in plan.posts)
    rows = []
    for post in plan.posts:
        # A thread is named by its subject, which is text of a post; a number is enough.
        shared = post.thread is not None and sizes[post.thread] > 1
        thread = numbers.setdefault(str(post.thread), len(numbers) + 1) if shared else None
        rows.append("    " + json.dumps([post.id, post.label, thread]))
    text = json.dumps(plan_facts(run), indent=2, default=dict).removesuffix("\n}")
    return sealed(f'{text},\n  "posts": [\n' + ",\n".join(rows) + "\n  ]\n}\n")


def _keys(record: type[Plan | RunPlan]) -> dict[str, str]:
    """Field -> key in the file, of those that are there as they are."""
    apart = ("plan", "part", "shard", "posts", "slices", "disturbed", "stops", "stopped")
    return {one.name: _OTHER_NAMES.get(one.name, one.name) for one in fields(record) if one.name not in apart}


def _places(slices: Mapping[str, str], plan: Plan) -> dict[str, list[int]]:
    """Slice -> the places of its posts in the list."""
    return {
        name: [place for place, post in enumerate(plan.posts) if slices[post.id] == name]
        for name in dict.fromkeys(slices.values())
    }


def load_plan(folder: Path) -> RunPlan:
    """The plan of a results folder. Raises `UsageError` if there is none, or it is not one."""
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
    slices = {
        name: {posts[place].id: one for one, places in of.items() for place in places}
        for name, of in value["slices"].items()
    }
    plan = Plan(**_values(Plan, value), posts=posts, slices=slices)
    plan = stopped_at(plan, decode_stops(value["stops"]))
    shard = None if value["shard"] is None else parse_shard(value["shard"])
    part = plan if shard is None else part_of(plan, shard)
    return RunPlan(**_values(RunPlan, value), plan=plan, part=part, shard=shard)


def _values(record: type[Plan | RunPlan], value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _frozen(value[key]) for name, key in _keys(record).items()}


def _frozen(value: Any) -> Any:
    """The lists of JSON as tuples."""
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return tuple(value) if isinstance(value, list) else value


def parse_shard(text: str) -> Shard:
    """``2/4``. Raises `UsageError` for anything that is no shard."""
    number, slash, of = text.partition("/")
    if slash and is_whole(of) and is_whole(number, int(of)):
        return Shard(int(number), int(of))
    raise UsageError(f"--shard: expected K/N with 1 <= K <= N, such as 2/4, got {text!r}")


def part_of(plan: Plan, shard: Shard) -> Plan:
    """The posts of a shard, in the order of the plan; digest and labels stay those of the whole plan.

    Raises `UsageError` if there are more shards than posts: one would be empty, and an empty run proves nothing.
    """
    if shard.of > len(plan.posts):
        raise UsageError(
            f"--shard {shard}: the plan has {len(plan.posts)} {plan.units}, so at most {len(plan.posts)} shards; "
            f"expected a number from 1 to {len(plan.posts)} after the slash"
        )
    dealt = deal(plan.posts, plan.seed, shard.of)
    posts = tuple(post for post in plan.posts if dealt[post.id] == shard.number)
    return replace(plan, posts=posts, whole_digest=plan.digest)


def deal(posts: Iterable[Post], seed: int, n_shards: int) -> dict[str, int]:
    """Id of a post -> number of its shard, independent of the order of the posts."""
    ordered = sorted(posts, key=lambda post: (post.label, rank(post.id, seed)))
    return {post.id: place % n_shards + 1 for place, post in enumerate(ordered)}


COMMIT = "commit"
NO_COMMIT = "(none)"
VERSION = "newsgauge"
ABSENT = "(no file)"


def read_inputs(root: Path, names: Iterable[str]) -> dict[str, str]:
    """``evals/gates.toml`` -> digest, for files named from ``root``; the commit of the checkout; the version.

    A name may be a folder, or a pattern such as ``evals/**/*.py``: the number of its files, and each of them by name.
    """
    found = {COMMIT: commit_of(root) or NO_COMMIT, VERSION: __version__}
    for name in names:
        files = sorted(root.glob(name)) if "*" in name else []
        found[name] = (f"{len(files)} files" if files else ABSENT) if "*" in name else digest_file(root / name)
        found |= {file.relative_to(root).as_posix(): digest_file(file) for file in files}
    return found


def read_again(root: Path, inputs: Mapping[str, str]) -> dict[str, str]:
    """The same inputs as they are now, and files that are new."""
    return read_inputs(root, (name for name in inputs if name not in (COMMIT, VERSION)))


def differences(one: Mapping[str, str], other: Mapping[str, str], *, but: Iterable[str] = ()) -> list[str]:
    """``evals/gates.toml (3f2a..., not 77b0...)`` for each input of ``one`` that is another in ``other``."""
    return [
        f"{name} ({one.get(name, ABSENT)[:12]}, not {other.get(name, ABSENT)[:12]})"
        for name in dict.fromkeys((*one, *other))
        if name not in but and one.get(name, ABSENT) != other.get(name, ABSENT)
    ]


def digest_file(path: Path) -> str:
    """First 12 hex digits of its SHA-256, the same with the line endings of any system; of all files of a folder."""
    try:
        if path.is_dir():
            files = sorted(Path(folder, name) for folder, _, names in os.walk(path, followlinks=True) for name in names)
            content = "".join(f"{file.relative_to(path).as_posix()} {digest_file(file)}\n" for file in files).encode()
        else:
            content = path.read_bytes()
        return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:12]
    except FileNotFoundError:
        return ABSENT
