"""``newsgauge record --batch``: the same cassettes through the Batch API; nothing is submitted twice, nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google import genai

from gemini_emulator.app import Options
from gemini_emulator.faults.faults import Fault, FaultPlan
from gemini_emulator.server import EmbeddedServer
from newsgauge.cassettes.audit import audit_file
from newsgauge.cli.main import main
from newsgauge.recording.batch_jobs import Answer, BatchService
from tests.plugin.batch_files import lines_of, open_jobs, without

FOLDER = Path("cassettes/embedded/bundled")
PLAN = ["record", "--batch", "--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
SLOW = Fault("slow", path="requests", delay_s=600)


@contextmanager
def serving(*faults: Fault) -> Iterator[tuple[list[str], genai.Client]]:
    """A server with these faults: the options that reach it, and a client of our own to look at its jobs."""
    with EmbeddedServer(options=Options(faults=FaultPlan(faults))) as server:
        client = genai.Client(vertexai=False, api_key="any", http_options={"base_url": server.base_url})
        yield ["--base-url", server.base_url], client
        client.close()


def lines(variant: str) -> list[dict[str, Any]]:
    return lines_of(FOLDER / f"{variant}.jsonl")


@pytest.fixture
def emptied(project: pytest.Pytester) -> pytest.Pytester:
    for path in FOLDER.iterdir():
        path.unlink()
    return project


def test_lines_are_those_of_single_calls_but_for_the_mode_and_a_replay_cannot_tell(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    single = {path.name: [without(line, "recorded") for line in lines(path.stem)] for path in FOLDER.iterdir()}
    for path in FOLDER.iterdir():
        path.unlink()
    with serving() as (where, client):
        assert main([*PLAN, *where]) == 0
        assert {file.source.value for file in client.files.list()} == {"GENERATED"}  # no post is left there
    assert "32 of 32 planned cases are recorded" in capsys.readouterr().out
    for path in FOLDER.iterdir():
        assert {line["provenance"].get("mode") for line in lines(path.stem)} == {"batch"}
        assert [without(line, "recorded", "mode") for line in lines(path.stem)] == single[path.name]
        assert audit_file(path, shown=path.name) == []
    assert project.runpytest_inprocess("evals").ret == 0
    assert open_jobs() == []


def test_jobs_are_of_one_model_and_of_so_many_requests_at_most(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as (where, _):
        assert main([*PLAN, *where, "--variants", "system,tuned", "--requests-per-job", "5"]) == 0
        sizes = sorted(line.split(": ")[2] for line in capsys.readouterr().err.splitlines() if "submitted" in line)
    models = [size.partition(" to ")[2].partition("/")[0] for size in sizes]
    assert [size.partition(" ")[0] for size in sizes] == ["3", "3", "5", "5"]
    assert sorted(models) == ["gemini-3.5-flash-lite"] * 2 + ["tunedModels"] * 2


def test_requests_that_failed_are_told_and_asked_again_by_the_next_recording(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*PLAN, "--variants", "system"]
    with serving(Fault("internal", every=4, path="requests")) as (where, client):
        assert main([*arguments, *where]) == 1
        said = capsys.readouterr()
        assert "6 of 8 planned cases are recorded" in said.out
        assert "2 not recorded, the first" in said.err
        assert "An internal error has occurred" in said.err
        assert len(list(client.batches.list())) == 1  # not again in the same recording
        assert main([*arguments, *where]) == 0
    assert "submitted batches/" in (said := capsys.readouterr().err)  # type: ignore[assignment]
    assert ": 2 requests to" in said
    assert len(lines("system")) == 8


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_job_that_ended_without_answers_is_told_and_its_cases_are_asked_again(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    arguments = [*PLAN, "--variants", "system"]
    fault = SLOW if end == "cancelled" else Fault(f"batch-{end}", path="batches")
    with serving(fault) as (where, client):
        assert main([*arguments, *where, "--no-wait"]) == 1
        if end == "cancelled":
            client.batches.cancel(name=open_jobs()[0]["name"])
        capsys.readouterr()
        status = main([*arguments, *where, "--no-wait"])
        said = capsys.readouterr().err
    assert status == 1
    assert f"ended as {end}" in said
    assert open_jobs() == []
    with serving() as (where, _):
        assert main([*arguments, *where]) == 0


def test_cases_that_a_job_asked_again_are_counted_once(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*PLAN, "--variants", "system"]
    with serving() as (where, _):
        assert main([*arguments, *where, "--record-mode", "all", "--no-wait"]) == 1
        assert main([*arguments, *where]) == 0
    assert "8 of 8 planned cases are recorded" in capsys.readouterr().out


def test_while_a_job_is_open_its_cases_are_not_submitted_again(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*PLAN, "--variants", "system", "--no-wait"]
    with serving(SLOW) as (where, client):
        for _ in range(3):
            assert main([*arguments, *where]) == 1
        assert "8 not recorded" in capsys.readouterr().err
        assert len(list(client.batches.list())) == 1
        assert main([*arguments, *where, "--posts-per-class", "2"]) == 1  # another plan of the same posts
        said = capsys.readouterr().err
        assert "is of another plan; collect it with: newsgauge record --batch" in said
        assert f"--variants system {' '.join(where)}\n" in said  # the command is whole
        assert len(list(client.batches.list())) == 1


def test_a_job_of_a_renamed_variant_is_collected_and_what_is_gone_is_dropped_by_name(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as (where, client):
        assert main([*PLAN, *where, "--variants", "system,labels", "--no-wait"]) == 1
        path = Path("evals/variants.toml")
        path.write_text(path.read_text().replace("[system]", "[asked]"))
        capsys.readouterr()
        assert main([*PLAN, *where, "--variants", "labels,asked"]) == 0
        said = capsys.readouterr().err
        assert "8 of 16 answers are recorded" in said
        assert "8 of its cases are no longer planned, and dropped: system/" in said
        assert len(list(client.batches.list())) == 2  # only the renamed variant is asked again
    assert open_jobs() == []
    assert [len(lines(name)) for name in ("labels", "asked")] == [8, 8]


def test_a_job_of_a_plan_that_lost_a_post_is_collected_by_the_same_command(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*PLAN, "--variants", "system"]
    bundled = Path("fixtures/bundled")
    there = bundled.resolve()
    bundled.unlink()
    shutil.copytree(there, bundled)
    with serving() as (where, _):
        assert main([*arguments, *where, "--no-wait"]) == 1
        lost = sorted(open_jobs()[0]["requests"])[0]
        label, _, number = lost.partition("/")[2].rpartition("-")
        (bundled / "test" / label / number).unlink()
        capsys.readouterr()
        assert main([*arguments, *where]) == 0
    said = capsys.readouterr().err
    assert "7 of 8 answers are recorded" in said
    assert f"1 of its cases are no longer planned, and dropped: {lost}" in said
    assert open_jobs() == []
    assert len(lines("system")) == 8


@pytest.mark.parametrize("moment", ["before the job was started", "after the job was started"])
def test_a_kill_while_submitting_submits_nothing_twice(
    emptied: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    submit = BatchService.submit

    def killed(self: BatchService, *arguments: Any, **options: Any) -> str:
        if moment.startswith("after"):
            submit(self, *arguments, **options)
        raise SystemExit  # as sudden as it gets in one process: nothing after this line runs

    arguments = [*PLAN, "--variants", "system"]
    with serving() as (where, client):
        with monkeypatch.context() as patch:
            patch.setattr(BatchService, "submit", killed)
            with pytest.raises(SystemExit):
                main([*arguments, *where])
        assert [job["name"] for job in open_jobs()] == [""]
        assert main([*arguments, *where]) == 0
        assert len(list(client.batches.list())) == 1
    assert len(lines("system")) == 8


def test_a_kill_while_collecting_collects_again_and_keeps_each_line_once(
    emptied: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = BatchService.answers

    def killed(self: BatchService, place: str, keys: Collection[str]) -> Iterator[Answer]:
        for number, item in enumerate(answers(self, place, keys)):
            if number == 5:
                raise SystemExit
            yield item

    arguments = [*PLAN, "--variants", "system"]
    with serving() as (where, client):
        with monkeypatch.context() as patch:
            patch.setattr(BatchService, "answers", killed)
            with pytest.raises(SystemExit):
                main([*arguments, *where])
        assert len(lines("system")) == 5
        assert main([*arguments, *where]) == 0
        assert len(list(client.batches.list())) == 1
    assert len({line["key"] for line in lines("system")}) == len(lines("system")) == 8


def test_an_answer_to_what_is_not_asked_any_more_is_not_kept(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*PLAN, "--variants", "system"]
    with serving() as (where, client):
        assert main([*arguments, *where, "--no-wait"]) == 1
        variants = Path("evals/variants.toml")
        variants.write_text(variants.read_text().replace("Name the newsgroup", "State the newsgroup"))
        capsys.readouterr()
        while client.batches.get(name=open_jobs()[0]["name"]).state.value != "JOB_STATE_SUCCEEDED":
            pass
        assert main([*arguments, *where]) == 1
        assert "changed since the batch was submitted" in capsys.readouterr().err
        assert lines("system") == []
        assert main([*arguments, *where]) == 0


def test_without_a_server_of_its_own_the_embedded_backend_goes_on_with_the_job_another_time(
    emptied: pytest.Pytester,
) -> None:
    arguments = [*PLAN, "--variants", "system"]
    assert main([*arguments, "--no-wait"]) == 1
    assert main(arguments) == 0
    assert len(lines("system")) == 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "vertex", "--variants", "system"], "--bucket: Vertex reads training files and batches from"),
        (["--backend", "vertex", "--variants", "system", "--bucket", "mine"], "--bucket: expected gs://BUCKET or gs"),
        (["--variants", "system"], "expected the open batch jobs, got "),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    emptied: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    Path(".newsgauge").mkdir(exist_ok=True)
    Path(".newsgauge/batches.json").write_text('{"format": 1, "jobs": [{"la')
    assert main([*PLAN, *arguments]) == 2
    assert said in capsys.readouterr().err
