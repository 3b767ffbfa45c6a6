"""Jobs of the Batch API without a service: what is submitted, collected, taken up again and never asked twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from newsgauge.cassettes.recorder import Recorder
from newsgauge.corpora.corpus import Corpus
from newsgauge.errors import NotKeptError, UsageError
from newsgauge.planning.sampling import Plan
from newsgauge.recording.batch_jobs import Answer, JobService, JobStatus
from newsgauge.recording.batches import Batches
from newsgauge.recording.open_jobs import OpenJob, OpenJobs
from newsgauge.records import Post
from newsgauge.running.run_config import RunConfig, open_recorder
from newsgauge.variants.variants_file import Variant

POSTS = tuple(Post(f"a-{number}", "a", f"text {number}") for number in range(5))
KEYS = [f"v/{post.id}" for post in POSTS]


@dataclass
class Service:
    """Jobs by their name; a job is over as soon as ``said`` holds its answers."""

    said: dict[str, list[Answer]] = field(default_factory=dict)
    started: dict[str, str] = field(default_factory=dict)
    sent: list[list[str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    gone: str = ""
    options: str = ""
    refused: str = ""

    def refusal(self, model: str) -> str:
        return self.refused if model == "m" else ""

    def line(self, key: str, body: bytes) -> bytes:
        return json.dumps({"key": key}).encode() + b"\n"

    def upload(self, lines: bytes, *, label: str) -> str:
        self.sent.append([json.loads(line)["key"] for line in lines.splitlines()])
        return f"file-{len(self.sent)}"

    def submit(self, model: str, file: str, *, label: str) -> str:
        self.started[label] = f"job-{len(self.started) + 1}"
        return self.started[label]

    def find(self, label: str) -> str | None:
        return self.started.get(label)

    def status(self, name: str) -> JobStatus:
        if self.gone:
            return JobStatus("gone", why=self.gone)
        return JobStatus("answered", name) if name in self.said else JobStatus("open")

    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        return iter(self.said[place])

    def forget(self, job: OpenJob) -> str:
        self.forgotten.append(job.name)
        return ""


@dataclass
class Desk:
    """A folder of cassettes with its jobs."""

    folder: Path
    service: Service = field(default_factory=Service)
    notes: list[str] = field(default_factory=list)
    max_requests: int = 2
    contents: str = "Which? {post}"
    posts: tuple[Post, ...] = POSTS
    known: tuple[str, ...] = ("v",)
    options: str = ""
    reaching: str = ""

    def setup(self) -> RunConfig:
        plan = Plan("own", ".", None, 0, False, "clean", ("a", "b"), self.posts)
        variant = Variant(name="v", about="x", model="m", contents=self.contents)
        return RunConfig(
            corpus=Corpus("own", self.folder),
            plan=plan,
            variants={"v": variant},
            backend="gemini",
            mode="once",
            cassettes=self.folder / "cassettes",
            shown_cassettes="cassettes",
            options=self.options,
        )

    def batches(self) -> Batches:
        """As a new process finds them."""
        setup = self.setup()
        return Batches(
            setup,
            cast(JobService, self.service),
            OpenJobs(self.folder / "batches.json"),
            open_recorder(setup),
            {"v": setup.ready(setup.variants["v"], "m")},
            known=self.known,
            reaching=self.reaching,
            max_requests=self.max_requests,
            on_note=self.notes.append,
            now=lambda: datetime(2026, 11, 26, tzinfo=UTC),
        )

    def kept(self) -> list[str]:
        path = self.folder / "cassettes" / "v.jsonl"
        return [json.loads(line)["key"] for line in path.read_text().splitlines()] if path.exists() else []


def answer(key: str, label: str = "a") -> Answer:
    said = {"candidates": [{"content": {"parts": [{"text": label}], "role": "model"}, "finishReason": "STOP"}]}
    return Answer(key, {**said, "modelVersion": "m-1"}, "")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_cases_are_submitted_in_jobs_of_at_most_so_many_and_held_until_they_are_collected(desk: Desk) -> None:
    batches = desk.batches()
    assert batches.submit(batches.setup.cases) == 3
    assert desk.service.sent == [KEYS[:2], KEYS[2:4], KEYS[4:]]
    again = desk.batches()
    assert again.held.keys() == set(KEYS)
    free, held = again.waiting(again.setup.cases)
    assert (free, [case.post.id for case, _ in held]) == ([], [post.id for post in POSTS])
    desk.service.said["job-2"] = [answer(key) for key in reversed(KEYS[2:4])]
    assert again.collect() == 2
    assert sorted(desk.kept()) == ["a-2", "a-3"]
    assert desk.notes[-1] == "job-2: 2 of 2 answers are recorded"
    assert desk.service.forgotten == ["job-2"]
    assert desk.batches().held.keys() == {*KEYS[:2], KEYS[4]}
    desk.service.said["job-1"] = [answer(key) for key in KEYS[:2]]
    assert again.collect() == 1
    assert desk.notes[-1] == "job-1: 2 of 2 answers are recorded"


def test_no_job_is_larger_than_its_file_may_be(desk: Desk) -> None:
    desk.max_requests = 100
    batches = desk.batches()
    batches.max_bytes = 2 * len(desk.service.line(KEYS[0], b""))
    batches.submit(batches.setup.cases)
    assert [len(one) for one in desk.service.sent] == [2, 2, 1]
    batches.max_bytes -= 1
    batches.submit(batches.setup.cases[:2])
    assert [len(one) for one in desk.service.sent[3:]] == [1, 1]


def test_what_a_job_does_not_answer_or_refuses_is_broken_and_not_submitted_again_in_this_run(desk: Desk) -> None:
    batches = desk.batches()
    batches.submit(batches.setup.cases[:2])
    desk.service.said["job-1"] = [Answer(KEYS[0], None, "b" * 301), answer("v/a-4"), answer("w/a-1")]
    assert batches.collect() == 0
    whys = {case.post.id: why for case, why in batches.report.broken}
    assert whys == {"a-0": f"the batch did not answer it: {'b' * 300}", "a-1": "job-1 has no answer to it"}
    assert (batches.report.n_kept, desk.kept()) == (0, [])
    free, held = batches.waiting(batches.setup.cases)
    assert ([case.post.id for case in free], held) == (["a-2", "a-3", "a-4"], [])


def test_an_answer_to_another_question_than_is_asked_now_is_not_kept(desk: Desk) -> None:
    batches = desk.batches()
    batches.submit(batches.setup.cases[:1])
    desk.contents = "Which of them? {post}"
    desk.service.said["job-1"] = [answer(KEYS[0])]
    changed = desk.batches()
    changed.collect()
    ((_, why),) = changed.report.broken
    assert why == "the variant, the text or the model changed since the batch was submitted; not kept"
    assert desk.kept() == []


def test_a_job_that_is_gone_says_why_for_each_of_its_cases(desk: Desk) -> None:
    batches = desk.batches()
    batches.submit(batches.setup.cases[:2])
    desk.service.gone = "it expired"
    assert batches.collect() == 0
    assert [why for _, why in batches.report.broken] == ["it expired", "it expired"]
    assert batches.held == {}


def test_a_job_of_another_plan_is_told_once_with_the_whole_command_also_of_the_cases_that_it_holds(desk: Desk) -> None:
    desk.batches().submit(desk.batches().setup.cases[:2])
    desk.posts, desk.options, desk.reaching = POSTS[:1], " --posts-per-class 1", " --root of/it"
    fewer = desk.batches()
    assert [fewer.collect() for _ in range(3)] == [0, 0, 0]
    command = "collect it with: newsgauge record --batch --variants v --root of/it"
    assert desk.notes[1:] == [f"job-1 is of another plan; {command}"]
    _, ((_, why),) = fewer.waiting(fewer.setup.cases)
    assert why == f"an open batch job of another plan holds it; {command}"


def test_cases_of_a_variant_that_no_job_can_ask_any_more_are_dropped_by_name(desk: Desk) -> None:
    desk.batches().submit(desk.batches().setup.cases[:2])
    desk.service.said["job-1"] = [answer(key) for key in KEYS[:2]]
    desk.posts, desk.options, desk.known = POSTS[:1], " --posts-per-class 1", ()
    desk.batches().collect()
    assert desk.notes[-1] == "job-1: 1 of its cases are no longer planned, and dropped: v/a-1"
    assert (desk.kept(), desk.batches().held) == (["a-0"], {})


def test_a_job_that_was_cut_short_between_two_steps_is_taken_up_or_dropped(desk: Desk) -> None:
    job = OpenJob("label-1", "cassettes", " --variants v", "m", "2026-11-26T00:00:00Z", {KEYS[0]: "0"})
    jobs = OpenJobs(desk.folder / "batches.json")
    jobs.put(job)  # written down, never started
    jobs.put(replace(job, label="label-2", requests={KEYS[1]: "0"}, file="file-2"))  # started, its name not known
    jobs.put(replace(job, label="label-3", requests={KEYS[2]: "0"}, name="job-3"), collected=True)
    jobs.put(replace(job, label="label-4", folder="others", requests={KEYS[3]: "0"}))
    desk.service.started["label-2"] = "job-2"
    batches = desk.batches()
    batches.adopt()
    left, other = OpenJobs(desk.folder / "batches.json").all
    assert (left.label, left.name) == ("label-2", "job-2")
    assert desk.service.forgotten == ["", "job-3"]
    assert other.label == "label-4"
    assert desk.notes == ["label-4 fills others, not looked at; options: --variants v"]
    assert batches.held.keys() == {KEYS[1]}


def test_a_model_that_no_job_can_ask_is_refused_with_the_command_that_asks_it(desk: Desk) -> None:
    desk.batches().check()
    desk.service.refused = "it is tuned"
    with pytest.raises(
        UsageError, match=r"--batch: v cannot be asked by a job: it is tuned\. Record it with 'newsgauge"
    ):
        desk.batches().check()
    batches = desk.batches()
    other = replace(batches.setup.variants["v"], name="w", model="n")
    batches.setup = replace(batches.setup, variants={**batches.setup.variants, "w": other})
    batches.ready = {**batches.ready, "w": batches.setup.ready(other, "n")}
    with pytest.raises(UsageError, match=r" v', and the others with 'newsgauge record --batch --variants w'$"):
        batches.check()


def test_a_job_of_another_plan_stays_and_cases_that_no_plan_asks_for_are_dropped(desk: Desk) -> None:
    job = OpenJob(
        "1", "cassettes", " --classes x --variants v", "m", "2026-11-26T00:00:00Z", {"v/z-9": "0"}, name="job-1"
    )
    jobs = OpenJobs(desk.folder / "batches.json")
    jobs.put(job)
    jobs.put(replace(job, label="2", name="job-2", requests={"old/a-0": "0", KEYS[0]: "0"}, options=" --variants old"))
    desk.service.said |= {"job-1": [], "job-2": []}
    batches = desk.batches()
    assert batches.collect() == 0
    assert [(case.post.id, why) for case, why in batches.report.broken] == [("a-0", "job-2 has no answer to it")]
    assert desk.notes == [
        "job-1 is of another plan; collect it with: newsgauge record --batch --classes x --variants v",
        "job-2: 0 of 2 answers are recorded",
        "job-2: 1 of its cases are no longer planned, and dropped: old/a-0",
    ]
    assert batches.held.keys() == {"v/z-9"}


def test_a_job_whose_answers_are_kept_is_collected_once_though_the_service_cannot_delete_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = desk.batches()
    batches.submit(batches.setup.cases[:1])
    desk.service.said["job-1"] = [answer(KEYS[0])]
    monkeypatch.setattr(desk.service, "forget", lambda job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        batches.collect()
    (left,) = OpenJobs(desk.folder / "batches.json").all
    assert left.collected
    assert (desk.kept(), desk.batches().held) == (["a-0"], {})


def test_an_answer_that_may_not_be_kept_is_broken_and_a_full_disk_leaves_the_job_to_the_next_recording(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = desk.batches()
    batches.submit(batches.setup.cases[:2])
    desk.service.said["job-1"] = [answer(KEYS[0]), answer(KEYS[1])]
    whole = Recorder.keep

    def keep(self: Recorder, variant: str, post: Post, *rest: Any) -> None:
        if post.id == "a-1":
            raise NotKeptError("a-1: no", disk=is_full)
        whole(self, variant, post, *rest)

    monkeypatch.setattr(Recorder, "keep", keep)
    is_full = True
    with pytest.raises(NotKeptError, match="a-1: no"):
        batches.collect()
    assert desk.batches().held.keys() == {KEYS[0], KEYS[1]}
    is_full = False
    again = desk.batches()
    assert again.collect() == 0
    assert [(case.post.id, why) for case, why in again.report.broken] == [("a-1", "a-1: no")]
    assert (again.report.n_kept, again.held) == (1, {})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2, "jobs": []}', '{"format": 1, "jobs": [{"label": "x"}]}']
)
def test_a_damaged_file_of_open_jobs_stops_a_recording_and_an_absent_one_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "batches.json"
    assert OpenJobs(path).all == []
    path.write_text(text)
    with pytest.raises(UsageError, match=r"batches\.json: expected the open batch jobs, got .* delete it$"):
        OpenJobs(path)


def test_the_file_of_open_jobs_is_one_to_read_a_value_a_line(tmp_path: Path) -> None:
    jobs = OpenJobs(tmp_path / "batches.json")
    jobs.put(OpenJob("one", "cassettes", "", "m", "2026-11-26T00:00:00Z", {"v/a-0": "0"}))
    lines = (tmp_path / "batches.json").read_text().splitlines()
    assert lines[:4] == ["{", ' "format": 1,', ' "jobs": [', "  {"]
    assert lines[-1] == "}"
