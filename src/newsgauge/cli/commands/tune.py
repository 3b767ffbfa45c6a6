"""``newsgauge tune``: from training posts to a tuned model, and the state of jobs."""

from __future__ import annotations

import argparse
import re
import shlex
import sys

from ..._util.option_values import above_0
from ...errors import UsageError
from ...running.recording_options import add_paying_options
from ...tuning.jobs import Job, TuningService, curve_lines, loss_words
from ...tuning.tuned_file import FILE, forget_job
from ..backend_options import add_backend_options, bucket_option, open_tuning, same_options
from .training_options import SAME, add_corpus_options, add_tuning_options
from .tuning_run import run_tuning

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
#: What the services call a job; it becomes a part of an address.
_JOB = re.compile(r"tunedModels/[A-Za-z0-9][\w-]*|projects/[\w.:-]+/locations/[\w-]+/tuningJobs/[\w-]+", re.ASCII)
_GEMINI = ("gemini", "--backend=gemini")
#: Where losses take requests of their own, as on Vertex, `list` reads those of the newest jobs.
_WITH_LOSSES = 20
_ACTIONS = ("start", "list", "status", "cancel", "delete")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge tune``."""
    parser.description = (
        "Without an action: find the job of this training set, base model and settings, or starts it, "
        "waits for it, and writes the model to .newsgauge/tuned.json. 'list' shows all jobs, 'status', 'cancel' and "
        "'delete' are about one."
    )
    parser.add_argument(
        "action", nargs="?", choices=_ACTIONS, default="start", help="what to do (default: %(default)s)"
    )
    parser.add_argument("job", nargs="?", metavar="JOB", help="for status, cancel and delete: a name that 'list' shows")
    add_backend_options(parser)
    add_corpus_options(parser)
    add_tuning_options(parser)
    parser.add_argument("--bucket", metavar="gs://BUCKET[/FOLDER]", help="where to upload the training file (vertex)")
    parser.add_argument("--display-name", metavar="NAME", default="text classification", help="name of the job")
    parser.add_argument("--max-wait", type=_seconds, metavar="TIME", help="longest wait, such as 90s, 10m, 2h")
    parser.add_argument("--fallback", metavar="MODEL", help="model to use instead if --max-wait was not enough")
    parser.add_argument(
        "--checkpoint", metavar="ID", help="take the model as it was then, of those that 'status' lists (vertex)"
    )
    parser.add_argument("--new", action="store_true", help="start a job even if there is one already")
    add_paying_options(parser.add_argument)
    parser.add_argument(
        "--price",
        type=above_0("US dollars"),
        metavar="USD",
        help="price of a million training tokens, to show the cost",
    )


def handle(options: argparse.Namespace) -> int:
    """Do the action; 0."""
    if options.action in ("start", "list") and options.job is not None:
        raise UsageError(f"tune {options.action}: expected no job name, got {options.job!r}")
    listing = f"'newsgauge tune list{same_options(options, ('backend', 'base_url'))}'"
    if options.action in ("status", "cancel", "delete") and options.job is None:
        raise UsageError(f"tune {options.action}: expected the name of a job; {listing} shows them")
    if options.job is not None and not _JOB.fullmatch(options.job):
        raise UsageError(
            f"tune {options.action}: expected a name as {listing} shows it (tunedModels/... or "
            f"projects/.../tuningJobs/...), got {options.job!r}"
        )
    if options.backend == "gemini":
        other = [word.replace("gemini", "vertex") if word in _GEMINI else word for word in options.argv]
        raise UsageError(
            "--backend gemini: Google ended tuning on the Gemini Developer API; it lives on Enterprise/Vertex: "
            f"{shlex.join(['newsgauge', *other])}{' --bucket gs://BUCKET' if options.action == 'start' else ''}"
        )
    if options.action == "start":
        return run_tuning(options)

    with open_tuning(options) as service:
        if options.action == "list":
            return _print_jobs(service, options)
        if options.action == "status":
            return _print_job(service.job(options.job))
        said = service.cancel(options.job) if options.action == "cancel" else service.delete(options.job)
    if options.action == "delete":
        forget_job(FILE, options.job)
    print(said)
    return 0


def _print_jobs(service: TuningService, options: argparse.Namespace) -> int:
    jobs = service.jobs()
    if not jobs:
        print(f"no tuning jobs; 'newsgauge tune{same_options(options, SAME)}{bucket_option(options)}' starts one")
    for number, job in enumerate(reversed(jobs)):
        if job.tag and not job.losses and number < _WITH_LOSSES:
            job = service.job(job.name)
        loss = f", {words}" if (words := loss_words(job)) else ""
        print(f"{job.state:<9}  {job.created[:19]}  {job.name}  {job.display_name!r} of {job.base_model}{loss}")
    return 0


def _print_job(job: Job) -> int:
    print(f"{job.name}: {job.state}, created {job.created}, base model {job.base_model}")
    if words := loss_words(job):
        print(words)
    for line in curve_lines(job.losses, width=60, height=6):
        print(line)
    for line in ["on validation texts:", *curve_lines(job.validation, width=60, height=6)] if job.validation else ():
        print(line)
    if job.losses_elsewhere and not job.losses:
        print(f"losses: in experiment {job.losses_elsewhere}")
    if job.model:
        print(f"model: {job.model}")
    for one in job.checkpoints:
        print(f"checkpoint {one.id}: epoch {one.epoch}, step {one.step}, {one.model}")
    if job.error:
        print(f"error: {job.error}", file=sys.stderr)
    return 0


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smh]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 10m or 2h, got {text!r}")
    return float(match[1]) * _UNITS[match[2]]
