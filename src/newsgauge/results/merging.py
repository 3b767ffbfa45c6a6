"""Folders of results of one plan in, in any order; the results of the whole out. Pure but for reading the folders.

Folders may overlap if they agree. A contradiction is a `UsageError`; what is missing is named, and no gate passes on
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._util.files import is_sealed
from .._util.wording import one_line
from ..errors import UsageError
from ..planning.plan_file import NAME, RunPlan, deal, load_plan, plan_facts
from ..planning.sampling import split_key
from ..records import Key, Result
from ..running.results_log import merge
from .result_files import digest_results
from .run_folder import RunFolder, load_run

_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Merged:
    """The whole: its plan, one result a case, what was asked, texts of posts if the folders may show them.

    ``folders``: a line a folder. ``red``: a line for each reason why a planned case has no answer, and for each folder
    whose run had failed tests that are no gates. ``left_out``: tests that no folder ran, as they need the whole plan.
    """

    run: RunPlan
    results: Mapping[Key, Result]
    asked: Mapping[str, Any]
    posts: Mapping[str, str]
    folders: tuple[str, ...]
    red: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    run: RunPlan
    folder: RunFolder


def merge_folders(folders: Sequence[Path]) -> Merged:
    """Join the results. Raises `UsageError` if folders are not of one plan, or contradict each other."""
    parts = [_load(folder) for folder in folders]
    for part in parts[1:]:
        _check_same(parts[0], part)
    results = _join(parts)
    texts = {post: text for part in parts for post, text in part.folder.posts.items()}
    wholes = [part for part in parts if part.run.shard is None]
    run = parts[0].run
    whole = replace(
        run,
        part=run.plan,
        shard=None,
        stand_ins=tuple(dict.fromkeys(note for part in parts for note in part.run.stand_ins)),
        left_out=(),
        unreviewed=tuple(dict.fromkeys(one for part in parts for one in part.run.unreviewed)),
        failed=tuple(sorted({name for part in parts for name in part.run.failed})),
    )
    return Merged(
        run=whole,
        results=results,
        asked=_asked(parts),
        posts={post.id: texts[post.id] for post in run.plan.posts if post.id in texts},
        folders=tuple(_describe(part) for part in parts),
        red=tuple(_reasons(whole, parts, results)),
        left_out=() if wholes else tuple(sorted({name for part in parts for name in part.run.left_out})),
    )


def _load(path: Path) -> _Part:
    """What the whole rests on, if its files are as their run wrote them. What is not sealed is computed anew."""
    for name in (NAME, "gates.json", "asked.json", "posts.json"):
        if (path / name).is_file() and not is_sealed(path / name):
            raise UsageError(f"{path / name} is not as a run of this version wrote it: it was changed; run it again")
    run, folder = load_plan(path), load_run(path)
    if folder.run != run.describe():
        raise UsageError(f"{path}: plan.json and scoreboard.json are not of one run; run it again")
    labels = {(post.id, name): post.label for name in run.variants for post in run.part.asked(name)}
    for result in folder.results:
        if labels.get((result.post_id, result.variant)) != result.label:
            raise UsageError(
                f"{path / 'results.csv'}: {result.post_id} ({result.label}) is not a text of "
                f"{f'shard {run.shard}' if run.shard else 'plan.json'}; run it again"
            )
    if folder.gates.get("results") != run.results:
        raise UsageError(f"{path}: gates.json and plan.json are not of one run; run it again")
    if digest_results(path) != run.results:
        raise UsageError(f"{path / 'results.csv'} is not the file that its run wrote: it was changed; run it again")
    return _Part(run, folder)


def _check_same(first: _Part, other: _Part) -> None:
    """Refuse what was asked otherwise, of somebody else, or about other posts."""
    here, there = (_facts(part.run) for part in (first, other))
    for name in dict.fromkeys((*there, *here)):
        if there.get(name) != here.get(name):
            raise UsageError(
                f"{other.folder.path} is not part of the same run as {first.folder.path}: {name.replace('_', ' ')} "
                f"{_short(there.get(name))}, not {_short(here.get(name))}"
            )


def _facts(run: RunPlan) -> dict[str, object]:
    """All that plan.json says of the run, and not of this part of it; what it says by name, name by name."""
    facts = plan_facts(run) | {"options of the command line": run.chosen_by_hand}
    for name in ("shard", "stand_ins", "left_out", "failed", "unreviewed", "results", "chosen_by_hand"):
        del facts[name]
    facts |= {"digest of prompt or model of": facts.pop("prompts"), "": facts.pop("inputs")}
    for name, value in list(facts.items()):
        if isinstance(value, Mapping):
            del facts[name]
            facts |= {f"{name} {one}".strip(): said for one, said in value.items()}
    return {**facts, "posts": [(post.id, post.label, post.thread) for post in run.plan.posts]}


def _short(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"{len(value)} ({', '.join(str(one) for one in value[:_MAX_NAMED])})"
    return str(value)


def _join(parts: Sequence[_Part]) -> dict[Key, Result]:
    seen: dict[Key, tuple[Result, Path]] = {}
    for part in parts:
        for result in part.folder.results:
            key = (result.post_id, result.variant)
            if key in seen and seen[key][0].prediction != result.prediction:
                (one, first), second = seen[key], part.folder.path
                raise UsageError(
                    f"{first} and {second} contradict each other on {result.post_id}-{result.variant}: "
                    f"{_said(one)} and {_said(result)}; leave one of the folders out, or run its shard again"
                )
            seen[key] = (result, part.folder.path)
    return merge(result for part in parts for result in part.folder.results)


def _said(result: Result) -> str:
    said = result.prediction
    if said is None:
        return f"no answer ({result.broken[:60]})"
    return f"{one_line(said.label) or '(empty)'} ({said.outcome}, {said.input_tokens} + {said.output_tokens} tokens)"


def _describe(part: _Part) -> str:
    n = len(part.folder.results)
    n_cases = part.run.part.n_cases(part.run.variants)
    what = f"shard {part.run.shard}" if part.run.shard else "a whole run"
    return f"{part.folder.path}: {what}, {n} of {n_cases} cases"


def _asked(parts: Sequence[_Part]) -> dict[str, Any]:
    """What was asked, and the lines of the recordings, joined from all folders; all were asked alike."""
    recordings: dict[str, Any] = {}
    for part in parts:
        for name, one in part.folder.recordings.items():
            recordings.setdefault(name, {"path": one["path"], "lines": {}})["lines"].update(one["lines"])
    return {"prompts": parts[0].folder.prompts, "recordings": recordings}


def _reasons(whole: RunPlan, parts: Sequence[_Part], results: Mapping[Key, Result]) -> Iterator[str]:
    """Why the whole is red: cases that are not there, that have no answer, and folders whose run had failed tests."""
    yield from _missing(whole, parts, results)
    broken = [one for one in results.values() if one.prediction is None and one.variant in whole.variants]
    if broken:
        cases = _named([(one.post_id, one.variant) for one in broken])
        yield f"no answer in {cases}; the first: {broken[0].broken}"
    for part in parts:
        if part.run.failed:
            yield f"tests failed in the run of {part.folder.path}; the first: {part.run.failed[0]}"
        if ended := part.folder.gates.get("ended"):
            yield f"the run of {part.folder.path} is red: {ended}"


def _missing(whole: RunPlan, parts: Sequence[_Part], results: Mapping[Key, Result]) -> list[str]:
    """A line for each shard that is not there, and one for each that has holes; without shards one for all."""
    planned = [(post.id, name) for name in whole.variants for post in whole.plan.asked(name)]
    keys = [key for key in planned if key not in results]
    counts = {part.run.shard.of for part in parts if part.run.shard}
    if len(counts) != 1:
        return [f"no results of {_named(keys)}"] if keys else []
    n_shards = counts.pop()
    dealt = deal(whole.plan.posts, whole.plan.seed, n_shards)
    there = {part.run.shard.number for part in parts if part.run.shard}
    lines = []
    for number in sorted({dealt[split_key(key)[0]] for key, _ in keys}):
        own = [key for key in keys if dealt[split_key(key[0])[0]] == number]
        why = "was cut short or deselected cases" if number in there else "is not among the folders"
        lines.append(f"shard {number}/{n_shards} {why}: no results of {_named(own)}")
    return lines


def _named(keys: Sequence[Key]) -> str:
    shown = ", ".join(f"{post_id}-{variant}" for post_id, variant in keys[:_MAX_NAMED])
    return f"{len(keys)} cases: {shown}{', ...' if len(keys) > _MAX_NAMED else ''}"
