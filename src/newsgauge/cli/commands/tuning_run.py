"""``newsgauge tune`` from its options to a model: training set, job, wait, and the files at the end.

Shows a job while waiting for it: a live loss curve on a terminal, a line now and then elsewhere.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..._util.files import locked, why_unwritable
from ..._util.pytest_ini import evals_command, read_ini
from ...client.cloud_storage import parse_bucket
from ...corpora.corpus import Corpus
from ...errors import BackendError, UsageError
from ...planning.training_set import Recipe, TrainingSet
from ...recording.paying import check_budget, confirm, is_watched
from ...records import Backend
from ...report.html import render_training
from ...running.recording_options import budget_of, refuse_in_ci
from ...running.run_options import TABLE_OPTIONS
from ...tuning.jobs import Job, JobState, csv_text, curve_lines, find_or_start, loss_rows, loss_words, watch
from ...tuning.tuned_file import FILE, TunedModel, read_tuned, write_tuned
from ...tuning.vertex import ADAPTER_SIZES, BASE_MODEL
from ...variants.variants_file import Tuning
from ..backend_options import open_tuning, same_options
from .record_asking import LiveDisplay
from .training_options import SAME, load_corpus, make_training, train_posts

if TYPE_CHECKING:
    from rich.console import Console


_FOLDER = Path(".newsgauge") / "tuning"
_WAITING = "newsgauge: another 'newsgauge tune' is starting a job; waiting for it"
_HOW = {
    "reused": "a job with the same training set, base model and settings has succeeded: reused",
    "joined": "a job with the same training set, base model and settings is under way: waiting for it",
    "started": "started",
}


def run_tuning(options: argparse.Namespace) -> int:
    """The exit status: 0 with a model or a fallback, 1 if the wait was not enough, 130 after Ctrl-C."""
    recipe = _recipe(options)  # bad options are refused before the first request
    if options.fallback is not None and options.max_wait is None:
        raise UsageError("--fallback: expected --max-wait with it: without a limit the job is waited for to its end")
    if options.backend == "vertex":
        parse_bucket(options.bucket)
    read_tuned(FILE)  # a damaged file is reported before a job is paid for
    corpus = load_corpus(options)
    with open_tuning(options) as service:
        training, is_variants = make_training(options, corpus)
        _announce(training, recipe, options)
        with locked(FILE.with_name("tune.lock"), on_wait=partial(print, _WAITING, file=sys.stderr, flush=True)):
            job, how = find_or_start(
                service,
                training,
                recipe,
                display_name=options.display_name,
                new=options.new,
                before_start=lambda: _guard(training, options),
                on_gone=lambda job: print(f"Job {job.name} succeeded, but its model {job.model} is gone: not reused"),
            )
        print(f"Job {job.name}: {_HOW[how]}", flush=True)
        try:
            job = _watch(lambda: service.job(job.name), options.max_wait)
        except KeyboardInterrupt:
            return _say_left(job, options)
    _save_losses(job, options.backend)
    if job.state is JobState.SUCCEEDED:
        entry = replace(_entry(job, training, corpus, options.backend), model=job.asked_at(options.checkpoint))
        return _keep(entry, options, is_variants=is_variants)
    if not job.state.ended:
        return _give_up_waiting(job, training, corpus, options, is_variants=is_variants)
    _fail(job)


def train_embedded(tuning: Tuning, corpus: Corpus, options: argparse.Namespace) -> TunedModel:
    """Train a variant's model on the embedded backend, which takes seconds, and store its name."""
    training = train_posts(options, corpus).training_set(tuning)
    print(f"newsgauge: training on {len(training.examples)} texts first, once ...", file=sys.stderr, flush=True)
    with open_tuning(options) as service:
        job, _ = find_or_start(service, training, Recipe(), display_name="newsgauge", new=False)
        job = watch(lambda: service.job(job.name), max_wait_s=None)
    if job.state is not JobState.SUCCEEDED:
        _fail(job)
    entry = _entry(job, training, corpus, "embedded")
    write_tuned(FILE, entry)
    return entry


def _recipe(options: argparse.Namespace) -> Recipe:
    if options.backend != "vertex":
        if options.adapter_size is not None:
            raise UsageError("--adapter-size: only Vertex has adapters; leave it out or say --backend vertex")
        return Recipe(base_model=options.base_model) if options.base_model else Recipe()

    for name in ("batch_size", "learning_rate"):
        if getattr(options, name) is not None:
            other = " (there is --learning-rate-multiplier)" if name == "learning_rate" else ""
            raise UsageError(f"--{name.replace('_', '-')}: Vertex has no such setting{other}")
    if options.adapter_size is not None and options.adapter_size not in ADAPTER_SIZES:
        raise UsageError(f"--adapter-size: expected {', '.join(map(str, ADAPTER_SIZES))}, got {options.adapter_size}")
    return Recipe(options.base_model or BASE_MODEL, options.learning_rate_multiplier, options.adapter_size)


def _guard(training: TrainingSet, options: argparse.Namespace) -> None:
    """The checks of all paid calls, before a job is started on Vertex. Raises `UsageError`."""
    if options.backend != "vertex":
        return
    refuse_in_ci("tune --backend vertex", allowed=options.allow_record_in_ci)
    check_budget(
        budget_of(options.max_cost, read_ini(Path.cwd()).get("newsgauge_max_cost", "")), _cost(training, options)
    )
    if not options.yes and is_watched():
        confirm(["starts a tuning job, of the training set above"])


def _cost(training: TrainingSet, options: argparse.Namespace) -> float | None:
    return None if options.price is None else training.tokens * training.tuning.epochs * options.price / 1e6


def _announce(training: TrainingSet, recipe: Recipe, options: argparse.Namespace) -> None:
    epochs, tokens = training.tuning.epochs, training.tokens
    cost = "cost: none, it trains on this machine"
    if options.price is not None:
        cost = f"cost: about {_cost(training, options):.2f} USD at {options.price:g} USD per million tokens"
    elif options.backend == "vertex":
        cost = f"cost: no price is known for {recipe.base_model}; give it per million training tokens: --price USD"
    print(
        f"Training set {training.digest}: {len(training.examples)} texts of {len(training.labels)} labels, "
        f"about {tokens:,} tokens x {epochs} epochs; {cost}"
    )


def _watch(read: Callable[[], Job], max_wait_s: float | None) -> Job:
    from rich.console import Console

    with JobDisplay(Console()) as display:
        return watch(read, max_wait_s=max_wait_s, on_job=display.show)


def _entry(job: Job, training: TrainingSet, corpus: Corpus, backend: Backend) -> TunedModel:
    return TunedModel(
        backend=backend,
        corpus=corpus.name,
        digest=training.digest,
        model=job.model,
        job=job.name,
        base_model=job.base_model,
        labels=training.labels,
        n_examples=len(training.examples),
        created=job.created,
    )


def _keep(entry: TunedModel, options: argparse.Namespace, *, is_variants: bool) -> int:
    write_tuned(FILE, entry)
    print(f"Tuned model: {entry.model}")
    if not is_variants:
        print(f"The settings are not those of [{options.variant}] in variants.toml: change them there to evaluate it.")
    same = same_options(options, ("backend", "corpus", *TABLE_OPTIONS, "classes", "preprocessing"))
    server = f"GOOGLE_VERTEX_BASE_URL={options.base_url} " if options.backend == "vertex" and options.base_url else ""
    print(f"Evaluate it: {server}{evals_command(Path())}{same} --variants {options.variant} --record-mode new_episodes")
    print(f"Ask it:      newsgauge classify{same_options(options, SAME)} 'Subject: ...'")
    return 0


def _save_losses(job: Job, backend: Backend) -> None:
    rows = loss_rows(job)
    if not rows:
        if job.losses_elsewhere:
            print(f"Losses: the service keeps them in {job.losses_elsewhere}")
        return

    path = _FOLDER / f"{job.name.rpartition('/')[2]}.csv"
    page = render_training(
        rows,
        job=job.name,
        about=f"base model {job.base_model}, created {job.created}",
        embedded=backend == "embedded",
    )
    try:
        _FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(csv_text(rows), "ascii")
        path.with_suffix(".html").write_text(page, "utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {why_unwritable(error)}") from None
    print(f"Loss curve: {path} and {path.with_suffix('.html').name}")


def _give_up_waiting(
    job: Job, training: TrainingSet, corpus: Corpus, options: argparse.Namespace, *, is_variants: bool
) -> int:
    print(f"newsgauge: {job.name} is still {job.state} after {options.max_wait:g} s; it continues", file=sys.stderr)
    if options.fallback is None:
        print(f"Come back: {_command(options)}", file=sys.stderr)
        return 1
    entry = _entry(job, training, corpus, options.backend)
    told = "every scoreboard will say so" if entry.backend == "vertex" else "pytest evals trains its own model here"
    print(f"newsgauge: {options.fallback} is used instead; {told}", file=sys.stderr)
    return _keep(replace(entry, model=options.fallback, fallback_for=job.name), options, is_variants=is_variants)


def _say_left(job: Job, options: argparse.Namespace) -> int:
    where = ""
    if options.backend == "embedded" and options.base_url is None:
        where = " as soon as a newsgauge command opens this folder's embedded backend again"
    print(f"\nnewsgauge: left {job.name} running; it continues{where}.", file=sys.stderr)
    print(f"Come back:  {_command(options)}", file=sys.stderr)
    reach = same_options(options, ("backend", "base_url"))
    print(f"Look at it: newsgauge tune status {job.name}{reach}", file=sys.stderr)
    return 130


def _command(options: argparse.Namespace) -> str:
    # --new would start another job instead of coming back to this one.
    return shlex.join(["newsgauge", *(word for word in options.argv if word != "--new")])


def _fail(job: Job) -> NoReturn:
    raise BackendError(f"{job.name}: tuning has {job.state}: {job.error or 'the service gives no reason'}")


_HEIGHT = 8
_LINE_EVERY_S = 30.0


class JobDisplay(LiveDisplay):
    """A context manager; ``show`` takes each state of the job."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console)
        self._clock = clock
        self._start = clock()
        self._last: tuple[str, float] = ("", float("-inf"))

    def show(self, job: Job) -> None:
        """Redraw the job, or print a line if its state changed or half a minute has passed."""
        now = self._clock()
        line = status_line(job, elapsed_s=now - self._start)
        if self.is_live:
            chart = curve_lines(job.losses, width=max(10, self._console.width - 10), height=_HEIGHT)
            self.draw("\n".join([line, *chart]))
        elif job.state != self._last[0] or now - self._last[1] >= _LINE_EVERY_S:
            self._console.print(line, highlight=False, soft_wrap=True, markup=False)
            self._last = (job.state, now)


def status_line(job: Job, *, elapsed_s: float) -> str:
    """``running, step 12 of 50, mean loss 1.234, 0:07 elapsed``."""
    parts = [str(job.state), *([words] if (words := loss_words(job)) else [])]
    return ", ".join([*parts, f"{int(elapsed_s) // 60}:{int(elapsed_s) % 60:02d} elapsed"])
