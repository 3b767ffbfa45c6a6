"""Records a plan through the Batch API: cases in, jobs out; later their answers into the same cassettes.

An answer is kept under the request that the case would send by itself, so a replay notices no difference;
only the line's provenance says ``"mode": "batch"``. An answer to another request than that is not kept.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime

from .._util.secrets import hide_secrets
from ..cassettes.open_case import Asked
from ..cassettes.recorder import Recorder
from ..errors import CassetteError, NotKeptError, UsageError
from ..records import Case
from ..running.request_template import RequestTemplates
from ..running.run_config import RunConfig
from ..variants.variants_file import ReadyVariant
from .batch_jobs import Answer, JobService, JobStatus
from .open_jobs import OpenJob, OpenJobs
from .scheduler import Report

#: The service takes files of 2 GB; kept well below, as what is sent is held in memory.
MAX_BYTES = 200_000_000
_COMMAND = "newsgauge record --batch"
_VARIANTS = re.compile(r" --variants (\S+)")
_MAX_NAMED = 5


@dataclass(eq=False, repr=False)
class Batches:
    """The jobs of one folder of cassettes. ``report`` counts what `collect` found, over all its calls.

    ``known``: the variants of variants.toml that a job can ask, of which a run may ask a part. ``reaching``: the
    options that say where the project and the service are, for commands that are printed.
    """

    setup: RunConfig
    service: JobService
    jobs: OpenJobs
    recorder: Recorder
    ready: Mapping[str, ReadyVariant]
    _: KW_ONLY
    known: Collection[str]
    reaching: str
    max_requests: int
    max_bytes: int = MAX_BYTES
    on_note: Callable[[str], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self._written = RequestTemplates(self.setup.backend)
        self._cases = {_key(case): case for case in self.setup.cases}
        self._others: dict[str, str] = {}  # jobs of other plans by label: the commands that collect them

    @property
    def held(self) -> dict[str, str]:
        """Cases that an open job holds, of this plan or another, and what collects them."""
        same = "an open batch job holds it; the same command collects it"
        other = "an open batch job of another plan holds it; collect it with: "
        return {
            key: f"{other}{self._others[job.label]}" if job.label in self._others else same
            for job in self._open()
            for key in job.requests
        }

    def check(self) -> None:
        """Raise `UsageError` if a variant's model cannot be asked by a job."""
        whys = {name: self.service.refusal(own.model) for name, own in self.ready.items()}
        refused = [name for name, why in whys.items() if why]
        if not refused:
            return
        others = [name for name in self.ready if name not in refused and self.setup.variants[name].has_cassette]
        rest = f", and the others with '{_COMMAND}{self._options(others)}{self.reaching}'" if others else ""
        raise UsageError(
            f"--batch: {', '.join(refused)} cannot be asked by a job: {whys[refused[0]]}. Record it with 'newsgauge "
            f"record{self.setup.record_options} --variants {','.join(refused)}{self.reaching}'{rest}"
        )

    def waiting(self, cases: Iterable[Case]) -> tuple[list[Case], list[tuple[Case, str]]]:
        """The cases that may be submitted, and those that an open job holds; what failed in this run is in neither."""
        held = self.held
        failed = {_key(case) for case, _ in self.report.broken}
        cases = list(cases)
        return (
            [case for case in cases if _key(case) not in held.keys() | failed],
            [(case, held[_key(case)]) for case in cases if _key(case) in held],
        )

    def adopt(self) -> None:
        """Take up what was interrupted: jobs that were written down, started or not, and such as are collected."""
        for job in self.jobs.all:
            if job.folder != self.setup.shown_cassettes:
                self.on_note(f"{job.name or job.label} fills {job.folder}, not looked at; options:{job.options}")
            elif job.collected:
                self._forget(job)
            elif not job.name:
                name = self.service.find(job.label)
                if name is None:
                    self._forget(job)
                else:
                    self.jobs.put(job, name=name)

    def submit(self, cases: Iterable[Case]) -> int:
        """Start jobs for the cases, each of one model and within the limits; how many jobs."""
        by_model: dict[str, list[Case]] = {}
        for case in cases:
            by_model.setdefault(self.ready[case.variant].model, []).append(case)
        n_jobs = 0
        for model, of_model in by_model.items():
            for part, lines in self._parts(of_model):
                job = OpenJob(
                    label=f"newsgauge-{uuid.uuid4().hex}",
                    folder=self.setup.shown_cassettes,
                    options=self._options(self.setup.variants),
                    model=model,
                    submitted=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                    requests={_key(case): _digest(self._asked(case)) for case in part},
                )
                self.jobs.put(job)
                job = self.jobs.put(job, file=self.service.upload(lines, label=job.label))
                job = self.jobs.put(job, name=self.service.submit(model, job.file, label=job.label))
                self.on_note(f"submitted {job.name}: {len(part):,} requests to {model}")
                n_jobs += 1
        return n_jobs

    def collect(self) -> int:
        """Keep the answers of the jobs that are over; how many jobs of this plan are still open.

        Raises `NotKeptError` if the disk takes no more; the job is then collected by the next recording.
        """
        n_open = 0
        for job in self._open():
            gone = [key for key in job.requests if key not in self._cases]
            if gone and not self._are_dropped(job, gone):
                if job.label not in self._others:
                    self._others[job.label] = self._command(job)
                    self.on_note(f"{job.name} is of another plan; collect it with: {self._command(job)}")
                continue
            status = self.service.status(job.name)
            if status.state == "open":
                n_open += 1
                continue
            if status.state == "gone":
                self.report.broken += [(self._cases[key], status.why) for key in job.requests if key not in gone]
            else:
                n_before = self.report.n_kept
                self._keep_all(job, status)
                n_kept = self.report.n_kept - n_before
                self.on_note(f"{job.name}: {n_kept:,} of {len(job.requests):,} answers are recorded")
            if gone:
                more = ", ..." if len(gone) > _MAX_NAMED else ""
                self.on_note(
                    f"{job.name}: {len(gone):,} of its cases are no longer planned, and dropped: "
                    f"{', '.join(gone[:_MAX_NAMED])}{more}"
                )
            self._forget(self.jobs.put(job, collected=True))
        return n_open

    def _are_dropped(self, job: OpenJob, gone: Iterable[str]) -> bool:
        """Whether no plan asks for these cases of a job any more: their variants are gone, or they are of this plan."""
        is_this_plan = self._options_of(job) == self._options(self.setup.variants)
        return is_this_plan or all(key.partition("/")[0] not in self.known for key in gone)

    def _command(self, job: OpenJob) -> str:
        return f"{_COMMAND}{self._options_of(job)}{self.reaching}"

    def _options_of(self, job: OpenJob) -> str:
        """The options that collect a job, without variants that no job asks any more."""
        return _VARIANTS.sub(
            lambda said: f" --variants {','.join(name for name in said[1].split(',') if name in self.known)}",
            job.options,
        )

    def _open(self) -> list[OpenJob]:
        return [job for job in self.jobs.all if job.folder == self.setup.shown_cassettes and not job.collected]

    def _forget(self, job: OpenJob) -> None:
        complaint = self.service.forget(job)
        if complaint:
            self.on_note(complaint)
        self.jobs.remove(job)

    def _options(self, variants: Iterable[str]) -> str:
        return f"{self.setup.record_options} --variants {','.join(variants)}{self.service.options}"

    def _keep_all(self, job: OpenJob, status: JobStatus) -> None:
        left = dict(job.requests)
        for answer in self.service.answers(status.answers, job.requests.keys()):
            digest = left.pop(answer.key, None)
            if digest is None:
                continue
            if (case := self._cases.get(answer.key)) is None:
                continue
            why = self._keep(case, digest, answer)
            if why:
                self.report.broken.append((case, hide_secrets(why)))
            else:
                self.report.n_kept += 1
        why = status.why or f"{job.name} has no answer to it"
        self.report.broken += [(self._cases[key], why) for key in left if key in self._cases]

    def _keep(self, case: Case, digest: str, answer: Answer) -> str:
        if answer.response is None:
            return f"the batch did not answer it: {answer.why[:300]}"
        if _digest(self._asked(case)) != digest:
            return "the variant, the text or the model changed since the batch was submitted; not kept"
        own = self.ready[case.variant]
        wire = self._written.wire(own.template, case.post.text)
        wire = replace(wire, answer=json.dumps(answer.response).encode("ascii"))
        try:
            self.recorder.keep(case.variant, case.post, wire, {**own.provenance, "mode": "batch"})
        except CassetteError as error:
            if isinstance(error, NotKeptError) and error.disk:
                raise
            return str(error)
        return ""

    def _asked(self, case: Case) -> Asked:
        return self._written.asked(self.ready[case.variant].template, case.post.text)

    def _parts(self, cases: list[Case]) -> Iterator[tuple[list[Case], bytes]]:
        part: list[Case] = []
        lines: list[bytes] = []
        size = 0
        for case in cases:
            body = self._written.wire(self.ready[case.variant].template, case.post.text).body
            line = self.service.line(_key(case), body)
            if part and (len(part) >= self.max_requests or size + len(line) > self.max_bytes):
                yield part, b"".join(lines)
                part, lines, size = [], [], 0
            part.append(case)
            lines.append(line)
            size += len(line)
        if part:
            yield part, b"".join(lines)


def _key(case: Case) -> str:
    return f"{case.variant}/{case.post.id}"


def _digest(asked: Asked) -> str:
    return hashlib.sha256(f"{asked.method} {asked.path}\n".encode() + asked.body).hexdigest()[:16]
