"""``newsgauge record --batch``: collects the jobs that are done, submits what is missing, and waits for it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...client.clients import cloud_project, open_client, vertex_base_url
from ...client.cloud_storage import BucketFolder, CloudStorage, parse_bucket
from ...client.retry import RetryPolicy
from ...errors import UsageError
from ...recording.batch_jobs import BatchService, JobService, VertexBatches
from ...recording.batches import Batches
from ...recording.open_jobs import OpenJobs
from ...recording.pending import Pending, find_pending
from ...recording.scheduler import Report
from ...running.request_template import ModelResolution
from ...running.run_config import RunConfig, open_recorder
from ...scoring.prices import PriceList
from ..backend_options import reach_backend, same_options
from .record_asking import announce

if TYPE_CHECKING:
    from google import genai


#: Seconds between two looks at open jobs; doubled up to the last, as a job may take a day.
_FIRST_LOOK_S, _LAST_LOOK_S = 0.5, 60.0


def ask_in_batches(
    setup: RunConfig, options: argparse.Namespace, prices: PriceList, *, since: str, path: Path, known: Collection[str]
) -> tuple[Pending, Report]:
    """Do what is possible now; cases in open jobs wait for the next time. ``known``: variants that a job can ask."""
    bucket = parse_bucket(options.bucket) if setup.backend == "vertex" else None
    jobs = OpenJobs(path)
    with reach_backend(setup.backend, options.base_url) as url:
        client = open_client(replace(setup.access(url), express=False, location=_location(setup)))
        try:
            batches = Batches(
                setup,
                _service(client, url, bucket, RetryPolicy(deadline_s=options.retry_deadline)),
                jobs,
                open_recorder(setup),
                ModelResolution(setup, base_url=lambda: url).all_ready(),
                known=known,
                reaching=same_options(options, ("root", "evals", "bundled", "base_url")),
                max_requests=options.requests_per_job,
                on_note=partial(print, "newsgauge:", file=sys.stderr, flush=True),
            )
            batches.check()
            batches.adopt()
            n_open = batches.collect()
            n_kept = batches.report.n_kept
            todo = find_pending(setup, since=since)
            to_submit, held = batches.waiting(todo.to_ask)
            if to_submit or not (held or batches.report.broken):
                batches.report.expected_cost = announce(setup, to_submit, options, prices).cost
            try:
                n_open += batches.submit(to_submit)
                pause = _FIRST_LOOK_S
                while n_open and not options.no_wait:
                    time.sleep(pause)
                    pause = min(2 * pause, _LAST_LOOK_S)
                    n_open = batches.collect()
            except KeyboardInterrupt:
                batches.report.interrupted = True
            _, held = batches.waiting(todo.to_ask)
            batches.report.left += held
            batches.report.n_kept -= n_kept  # these are counted as recorded already
            return todo, batches.report
        finally:
            client.close()


def _location(setup: RunConfig) -> str | None:
    """The one place of a plan's batch jobs."""
    locations = {variant.location for variant in setup.variants.values()}
    if len(locations) > 1 and setup.backend == "vertex":
        raise UsageError(
            f"--batch: expected one 'location', got {', '.join(sorted(str(one or 'none') for one in locations))}: "
            "record the variants of one location at a time, with --variants"
        )
    return next(iter(locations), None)


def _service(client: genai.Client, url: str | None, bucket: BucketFolder | None, retry: RetryPolicy) -> JobService:
    if bucket is None:
        return BatchService(client, retry)

    place = vertex_base_url(url)
    return VertexBatches(client, CloudStorage(cloud_project(place), place), bucket, retry)
