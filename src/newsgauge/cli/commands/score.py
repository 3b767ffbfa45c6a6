"""``newsgauge score``: predictions made elsewhere in; scoreboard, gates and report of them out, as of a run.

0: nothing is red. 1: a gate did not pass, or a prediction is missing. 2: a file or an option is wrong.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._util.pytest_ini import Folders, read_ini
from ...corpora.table_files import table_name
from ...errors import UsageError
from ...planning.plan_file import RunPlan
from ...planning.sampling import Plan, repeat_key
from ...records import ELSEWHERE, Key, Post, Result, safe_id
from ...results.foreign_logs import read_log
from ...results.predictions import COLUMNS, Predicted, read_predictions
from ...running.run_options import add_plan_options, default_options, setup_of
from ...variants.variants_file import Variant, load_variants
from ..backend_options import add_evals_option
from .deciding import Decided, clear_folder, decide_all

#: Where the verdict goes.
RESULTS = ".newsgauge/score"
#: Options of a plan about asking, which does not happen here.
_NOT_OURS = ("--variants", "--repeats", "--backend", "--cassettes")
_MAX_NAMED = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge score``."""
    parser.description = (
        "Scores predictions as a run is scored: scoreboard, gates of [elsewhere.NAME.VARIANT], "
        "report, baseline. A table (csv, tsv, jsonl, parquet) has columns id and prediction; optional label, variant, "
        "repeat, model, confidence, tokens. Without a column label, --corpus says what is right. Logs of "
        "Inspect, lm-evaluation-harness (--log_samples) and promptfoo (output.json) are read as they are."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="table of predictions, or a log of another tool")
    parser.add_argument("--variant", metavar="NAME", help="what to call them (default: a column, or the file)")
    parser.add_argument("--name", metavar="NAME", help="what gates.toml calls the data (default: as the file)")
    parser.add_argument(
        "--prediction-columns", metavar="NAME=COLUMN,..", help="columns of the file that are not called as ours"
    )
    parser.add_argument("--update-baseline", action="store_true", help="write these answers as the baseline")
    parser.add_argument("--results", metavar="DIR", default=RESULTS, help="where results go (default: %(default)s)")
    add_evals_option(parser, "folder of gates.toml and baselines")

    def add(name: str, **more: Any) -> None:
        if name not in _NOT_OURS:
            parser.add_argument(name, **more)

    add_plan_options(add)


def handle(options: argparse.Namespace) -> int:
    """Score and decide; 0 if nothing is red."""
    folder = Path(options.results)
    clear_folder(folder, inputs=[Path(name) for name in options.files])
    rows, about = _read(options)
    names = tuple(dict.fromkeys(row.variant for row in rows))
    by_corpus = options.corpus is not None or not all(row.label for row in rows)
    plan = _plan_of_corpus(options) if by_corpus else _plan_of_rows(options, rows)
    repeats = {name: max(row.repeat for row in rows if row.variant == name) for name in names}
    repeated = {name: times for name, times in repeats.items() if times > 1}
    plan = replace(plan, whole_digest=plan.digest, repeats=repeated, corpus=options.name or plan.corpus)
    results, notes = _results(plan, rows)
    for name in names:
        for post in plan.asked(name):
            why = f"no prediction of {name} in {', '.join(options.files)}"
            results.setdefault((post.id, name), Result(post.id, name, post.label, None, why))
    run = RunPlan(
        plan=plan,
        part=plan,
        shard=None,
        backend=ELSEWHERE,
        mode="score",
        asked={},
        prompts=dict.fromkeys(names, "made elsewhere"),
        n_whole_set=sum(plan.population.values()) or None,
    )
    evals = Path(Folders(Path(), options.evals).evals)
    path = evals / "variants.toml"
    asked = load_variants(path) if path.exists() else {}  # gates.toml is about those too
    known = asked | {name: Variant(name, "predictions made elsewhere", "", "") for name in names}
    intro = [f"{len(rows):,} predictions of {', '.join(options.files)}", *about, *notes]
    what = Decided(run, results, known, evals, folder, intro=intro, updating=options.update_baseline)
    return decide_all(what)


def _read(options: argparse.Namespace) -> tuple[list[Predicted], list[str]]:
    columns = dict(pair.partition("=")[::2] for pair in (options.prediction_columns or "").split(",") if pair)
    if wrong := [name for name, column in columns.items() if name not in COLUMNS or not column]:
        raise UsageError(
            f"--prediction-columns: expected NAME=COLUMN with a name of {', '.join(COLUMNS)}, got {wrong[0]!r}"
        )
    rows: list[Predicted] = []
    notes: list[str] = []
    for path in map(Path, options.files):
        if not path.is_file():
            raise UsageError(f"{path}: expected a file of predictions, there is none")
        found = read_log(path, variant=options.variant)
        if found is None:
            found, about = read_predictions(path, variant=options.variant, columns=columns)
            notes += about
        rows += found
    if not rows:
        raise UsageError(f"{', '.join(options.files)}: expected predictions, there is no row")
    seen: dict[tuple[str, str, int], str] = {}
    for row in rows:
        first = seen.setdefault((row.id, row.variant, row.repeat), row.where)
        if first is not row.where:
            raise UsageError(
                f"{row.where}: {row.id} of {row.variant} was already predicted in {first}; if it was asked more than "
                "once, a column 'repeat' numbers the answers from 1"
            )
    return rows, notes


def _plan_of_corpus(options: argparse.Namespace) -> Plan:
    """The plan of ``pytest evals`` with the same options: results of both can be compared case by case."""
    folders = Folders(Path().resolve(), options.evals)
    given = {name: getattr(options, name) for name in vars(default_options()) if hasattr(options, name)}
    return setup_of(default_options(**given), {}, root=folders.root, ini=folders.ini).plan


def _plan_of_rows(options: argparse.Namespace, rows: Sequence[Predicted]) -> Plan:
    """All posts that the file has predictions of."""
    labels: dict[str, tuple[str, str]] = {}
    for row in rows:
        label, where = labels.setdefault(row.id, (row.label, row.where))
        if label != row.label:
            raise UsageError(f"{row.where}: {row.id} has label {row.label!r} here, and {label!r} in {where}")
    posts = [Post(safe_id(name), label, "") for name, (label, _) in labels.items()]
    known = tuple(sorted({post.label for post in posts}))
    return Plan(
        corpus=table_name(Path(options.files[0])) if len(options.files) == 1 else "predictions",
        classes=".",
        posts_per_class=None,
        seed=0,
        allow_threads=True,
        preprocessing="clean",
        labels=known,
        posts=tuple(sorted(posts, key=lambda post: (post.label, post.id))),
        corpus_labels=known,
        population=dict(sorted(Counter(post.label for post in posts).items())),
        unit=read_ini(Path()).get("newsgauge_unit") or "text",
    )


def _results(plan: Plan, rows: Iterable[Predicted]) -> tuple[dict[Key, Result], list[str]]:
    """The predictions of planned posts, by our ids or the corpus' own; and a line about the others."""
    posts = {post.id: post for post in plan.posts}
    numbers = {post.id: post.id.removeprefix(f"{safe_id(post.label)}-") for post in plan.posts}
    counted = Counter(numbers.values())
    posts |= {number: posts[own] for own, number in numbers.items() if counted[number] == 1 and number not in posts}
    results: dict[Key, Result] = {}
    others = []
    for row in rows:
        post = posts.get(safe_id(row.id))
        if post is None:
            others.append(row)
            continue
        if row.label and row.label != post.label:
            raise UsageError(f"{row.where}: {row.id} has label {row.label!r} here, and {post.label!r} in {plan.corpus}")
        key = repeat_key(post.id, row.repeat)
        results[key, row.variant] = Result(key, row.variant, post.label, row.judged(plan.labels))
    if not results:
        raise UsageError(
            f"none of the ids is one of the {len(plan.posts):,} planned texts of {plan.corpus}: expected such as "
            f"{', '.join(post.id for post in plan.posts[:_MAX_NAMED])}, got "
            f"{', '.join(row.id for row in others[:_MAX_NAMED])}"
        )
    left = f"{len(others):,} predictions are of texts that are not planned, and left out"
    return results, [f"{left}; the first: {others[0].id}"] if others else []
