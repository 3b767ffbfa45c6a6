"""Which job is taken, how it is waited for, and what is shown meanwhile; no server, no clock."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from newsgauge.cli.commands.tuning_run import JobDisplay, status_line
from newsgauge.client.cloud_storage import BucketFolder, parse_bucket
from newsgauge.errors import BackendError, UsageError
from newsgauge.planning.training_set import Recipe, TrainingSet, job_tag, to_jsonl
from newsgauge.records import Post
from newsgauge.tuning import developer
from newsgauge.tuning.jobs import (
    Job,
    JobState,
    Loss,
    choose_job,
    csv_text,
    curve_lines,
    find_or_start,
    loss_rows,
    watch,
)
from newsgauge.tuning.tuned_file import TunedModel, forget_job, read_tuned, write_tuned
from newsgauge.variants.variants_file import Tuning

S, R, Q, F, C = JobState.SUCCEEDED, JobState.RUNNING, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED


def job(state: JobState = R, created: int = 1, *, tag: str = "t", **more: Any) -> Job:
    name = f"{state}-{created}"
    return Job(name, "d", tag, state, f"2026-01-{created:02d}T00:00:00Z", "base", name, n_steps=40, **more)


@pytest.mark.parametrize(
    ("states", "chosen"),
    [
        ([], None),
        ([S, S], "succeeded-2"),
        ([S, R, Q], "succeeded-1"),  # one that is done beats newer ones under way
        ([R, Q, F, C], "queued-2"),
        ([F, C], None),
    ],
)
def test_the_newest_that_succeeded_is_taken_else_the_newest_under_way(states: Any, chosen: Any) -> None:
    found = choose_job([job(state, number) for number, state in enumerate(states, 1)], "t")
    assert (found.name if found else None) == chosen


class Service:
    """A service that keeps jobs, and only some of their models."""

    def __init__(self, jobs: Any, alive: Any) -> None:
        self._jobs, self._alive, self.asked = jobs, alive, []  # type: ignore[var-annotated]

    def jobs(self) -> Any:
        return self._jobs

    def answers(self, model: Any) -> Any:
        self.asked.append(model)
        return model in self._alive

    def start(self, training: Any, recipe: Any, *, display_name: Any) -> Any:
        return job(Q, 9)


@pytest.mark.parametrize(
    ("states", "alive", "found", "gone"),
    [
        ([S, S], {"succeeded-2"}, ("succeeded-2", "reused"), []),
        ([S, S], {"succeeded-1"}, ("succeeded-1", "reused"), ["succeeded-2"]),
        ([S, R], set(), ("running-2", "joined"), ["succeeded-1"]),
        ([S, S], set(), ("queued-9", "started"), ["succeeded-2", "succeeded-1"]),
    ],
)
def test_a_job_whose_model_is_gone_is_not_reused(states: Any, alive: Any, found: Any, gone: Any) -> None:
    training = TrainingSet((Post("a-1", "a", "text"),), Tuning())
    tag = job_tag(training, Recipe())
    service, told, paid = Service([job(state, n, tag=tag) for n, state in enumerate(states, 1)], alive), [], []
    taken, how = find_or_start(
        service,  # type: ignore[arg-type]
        training,
        Recipe(),
        display_name="d",
        new=False,
        before_start=lambda: paid.append(1),
        on_gone=lambda one: told.append(one.name),
    )
    assert ((taken.name, how), told) == (found, gone)
    assert len(paid) == (how == "started")


@pytest.mark.parametrize(("new", "found"), [(False, ("running-1", "joined")), (True, ("queued-9", "started"))])
def test_a_job_that_another_client_started_in_between_is_joined(
    monkeypatch: pytest.MonkeyPatch, new: bool, found: Any
) -> None:
    training = TrainingSet((Post("a-1", "a", "text"),), Tuning())
    service = Service([], set())
    start = service.start

    def too_late(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(service, "start", start)
        service.jobs().append(job(R, 1, tag=job_tag(training, Recipe())))
        raise BackendError("tunedModels: it is there", status=409)

    monkeypatch.setattr(service, "start", too_late)
    taken, how = find_or_start(service, training, Recipe(), display_name="d", new=new)  # type: ignore[arg-type]
    assert (taken.name, how) == found


@pytest.mark.parametrize(("status", "is_refused"), [(409, False), (400, True), (None, True)])
def test_a_run_waits_for_the_model_that_another_client_began_to_train_whatever_the_words(
    monkeypatch: pytest.MonkeyPatch, status: int | None, is_refused: bool
) -> None:
    service = Service([], set())
    service.job = lambda name: job(S)  # type: ignore[attr-defined]

    def refuse(*_: Any, **__: Any) -> Any:
        raise BackendError("tunedModels: 400 INVALID: 2: 409 of 500 lines", status=status)

    monkeypatch.setattr(service, "start", refuse)
    monkeypatch.setattr(developer, "DeveloperTuning", lambda base_url: service)
    training = TrainingSet((Post("a-1", "a", "text"),), Tuning())
    with pytest.raises(BackendError, match=r"tunedModels: 400") if is_refused else nullcontext():
        developer.ensure_tuned("http://x", training)


def test_a_job_of_another_training_set_is_never_taken() -> None:
    assert choose_job([job(S, tag="other"), job(S, tag="")], "t") is None


def test_a_job_of_the_same_training_set_is_found_again_and_no_other() -> None:
    posts = tuple(Post(f"{label}-{number}", label, f"text {number}") for label in ("a", "b") for number in range(3))
    training = TrainingSet(posts, Tuning())
    first, *others = posts
    changed = [
        replace(training, examples=posts[1:]),
        replace(training, examples=(replace(first, text="text 0."), *others)),
        replace(training, examples=(replace(first, label="bx"), *others)),
        replace(training, tuning=Tuning(epochs=3)),
    ]
    tag = job_tag(training, Recipe())
    there = job(S, tag=tag)
    assert choose_job([there], tag) == there
    for other in changed:
        assert choose_job([there], job_tag(other, Recipe())) is None
    assert choose_job([there], job_tag(training, Recipe(base_model="another"))) is None


def test_polling_slows_down_and_ends_with_the_job() -> None:
    pauses: list[float] = []
    jobs = iter([job(Q)] + [job(R)] * 60 + [job(S)])
    assert watch(lambda: next(jobs), max_wait_s=None, clock=lambda: 0.0, sleep=pauses.append).state is S
    assert pauses[0] < 0.1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30


def test_the_wait_ends_at_its_limit_and_not_before() -> None:
    now = [0.0]
    waited = watch(lambda: job(R), max_wait_s=100, clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
    assert (waited.state, now[0]) == (R, pytest.approx(100))  # type: ignore[comparison-overlap]


def test_a_tag_changes_with_everything_that_is_trained_on_and_with_nothing_else() -> None:
    posts = (Post("a-1", "a", "one"), Post("b-1", "b", "two"))
    tags = {
        job_tag(TrainingSet(examples, tuning), recipe)
        for examples in (posts, posts[:1], (Post("a-1", "b", "one"), posts[1]), (Post("a-1", "a", "One"), posts[1]))
        for tuning in (Tuning(), Tuning(epochs=3), Tuning(batch_size=4), Tuning(learning_rate=0.1))
        for recipe in (Recipe(), Recipe("m"), Recipe("m", 2.0), Recipe("m", None, 4))
    }
    assert len(tags) == 4 * 4 * 4
    renamed = tuple(Post(f"x{post.id}", post.label, post.text) for post in posts)
    assert job_tag(TrainingSet(renamed, Tuning()), Recipe()) == job_tag(TrainingSet(posts, Tuning()), Recipe())


def test_the_training_file_has_one_conversation_a_line() -> None:
    data = to_jsonl([Post("1", "sci.med", "line\nbreak \u00e9 \u2028")])
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    assert json.loads(data) == {
        "contents": [
            {"role": "user", "parts": [{"text": "line\nbreak \u00e9 \u2028"}]},
            {"role": "model", "parts": [{"text": "sci.med"}]},
        ]
    }


@pytest.mark.parametrize(
    ("text", "bucket", "name"),
    [
        ("gs://abc", "abc", "f"),
        ("gs://abc/", "abc", "f"),
        ("gs://a-b_c.d/x", "a-b_c.d", "x/f"),
        ("gs://abc/x/y/", "abc", "x/y/f"),
    ],
)
def test_a_bucket_may_have_a_folder(text: str, bucket: str, name: str) -> None:
    where = parse_bucket(text)
    assert (where.bucket, where.uri("f")) == (bucket, f"gs://{bucket}/{name}")
    assert where == BucketFolder(bucket, name.removesuffix("/f").removesuffix("f"))


@pytest.mark.parametrize(
    "text", [None, "", "abc", "gs:/abc", "gs://", "gs://ab", "gs://ABC", "gs://-abc", "gs://a c/x"]
)
def test_what_is_no_bucket_is_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="--bucket: "):
        parse_bucket(text)


# --- what is shown

LOSSES = tuple(Loss(step, 1, 2.0 / step) for step in range(1, 41))


def test_a_status_line_tells_step_loss_and_time() -> None:
    assert status_line(job(Q), elapsed_s=0) == "queued, 0:00 elapsed"
    assert status_line(job(R, losses=LOSSES[:4]), elapsed_s=125) == (
        "running, step 4 of 40, mean loss 0.500, 2:05 elapsed"
    )


def test_without_a_terminal_a_line_comes_with_each_state_and_every_half_minute() -> None:
    out, now = io.StringIO(), [0.0]
    with JobDisplay(Console(file=out, force_terminal=False), clock=lambda: now[0]) as display:
        for second, state in ((0, Q), (1, Q), (2, R), (10, R), (31, R), (33, R), (40, S)):
            now[0] = float(second)
            display.show(job(state))
    words = [line.split(",")[0] + line.split(",")[1] for line in out.getvalue().splitlines()]
    assert words == ["queued 0:00 elapsed", "running 0:02 elapsed", "running 0:33 elapsed", "succeeded 0:40 elapsed"]


def test_on_a_terminal_the_curve_is_drawn_anew() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, legacy_windows=False, _environ={"TERM": "xterm"})
    with JobDisplay(console, clock=lambda: 0.0) as display:
        display.show(job(R, losses=LOSSES[:10]))
        display.show(job(S, losses=LOSSES))
    assert "step 10 of 40" in out.getvalue()
    assert "\u2588" in out.getvalue()
    assert "\x1b[" in out.getvalue()


def test_a_chart_has_its_height_and_falls_with_the_losses() -> None:
    rows = curve_lines(LOSSES, width=20, height=4)
    assert len(rows) == 4
    assert rows[0].startswith("  1.50 |\u2588")  # the first column is the mean of 2 and 1
    assert rows[0].rstrip().endswith("|\u2588") or len(rows[0].rstrip()) < len(rows[-1].rstrip())
    assert curve_lines((), width=20, height=4) == []
    assert len(curve_lines(LOSSES[:1], width=20, height=1)) == 1


def test_the_table_has_a_row_a_step() -> None:
    assert csv_text(loss_rows(job(S, losses=LOSSES[:2]))) == "step,epoch,mean_loss\n1,1,2.0\n2,1,1.0\n"
    held_back = (Loss(2, 1, 1.5), Loss(3, 2, 1.25))
    assert csv_text(loss_rows(job(S, losses=LOSSES[:2], validation=held_back))) == (
        "step,epoch,mean_loss,validation_loss\n1,1,2.0,\n2,1,1.0,1.5\n3,2,,1.25\n"
    )


# --- what is remembered


def entry(digest: str, job_name: str = "j") -> TunedModel:
    return TunedModel("vertex", "bundled", digest, "m", job_name, "base", ("a", "b"), 8, "2026-01-01")


def test_entries_come_back_newest_last_and_one_a_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tuned.json"
    for digest, name in (("1", "j1"), ("2", "j2"), ("1", "j3")):
        write_tuned(path, entry(digest, name))
    assert list(read_tuned(path).values()) == [entry("2", "j2"), entry("1", "j3")]
    forget_job(path, "j2")
    assert list(read_tuned(path)) == ["vertex/bundled/1"]
    assert sorted(item.name for item in path.parent.iterdir()) == ["tuned.json", "tuned.lock"]


def test_no_file_is_no_entries_and_forgetting_makes_none(tmp_path: Path) -> None:
    assert read_tuned(tmp_path / "tuned.json") == {}
    forget_job(tmp_path / "tuned.json", "j")
    assert not (tmp_path / "tuned.json").exists()


def test_every_cut_of_the_file_is_told_and_nothing_is_written_over_it(tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    write_tuned(path, entry("1"))
    whole = path.read_bytes()
    for length in range(len(whole.rstrip())):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"tuned\.json: expected the tuned models"):
            write_tuned(path, entry("2"))
        assert path.read_bytes() == whole[:length]
