"""``newsgauge cassettes`` finds, shows, repairs, and says with its status whether something is left to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge._util.files import locked
from newsgauge.cassettes.line import decode
from newsgauge.cassettes.store import CassetteFile
from newsgauge.cli.main import main
from newsgauge.records import RawPost
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "cassettes/embedded/bundled/system.jsonl"
Command = Callable[..., tuple[int, str, str]]

#: One cassette per variant of evals/variants.toml.
N_FILES = len(load_variants(ROOT / "evals" / "variants.toml"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The committed evals, bundled corpus and its cassettes, with a plan for these alone; no other corpus is here."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "none"))
    for name in ("cassettes/embedded/bundled", "evals"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "bundled").symlink_to(ROOT / "fixtures" / "bundled")
    (tmp_path / "cassettes" / "PLANS.toml").write_text('[[plan]]\nabout = "pytest evals"\ncorpus = "bundled"\n')
    return tmp_path


@pytest.fixture
def command(project: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(action: str, *arguments: str) -> tuple[int, str, str]:
        status = main(["cassettes", action, *arguments, "--root", str(project)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def keys(project: Path) -> list[str]:
    return [decode(raw).key for raw in (project / SYSTEM).read_bytes().splitlines()]


def test_what_is_committed_passes_the_check_and_answers_its_plan(command: Command) -> None:
    status, out, _ = command("check")
    assert (status, out.splitlines()[-1]) == (0, f"{N_FILES} files checked, 0 findings")
    assert "not checked, as 20 Newsgroups is not on this machine" in out
    assert command("verify") == (0, "640 planned cases replayed, 0 without an answer\n", "")


def test_a_fresh_process_verifies_whatever_its_imports_start(project: Path) -> None:
    # Where trio is installed, the SDK's client imports it, and that asks ldconfig for a library.
    code = (
        "import sys; from newsgauge.cli.main import main; "
        "sys.exit(main(['cassettes', 'verify', '--root', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "640 planned cases replayed, 0 without an answer\n"), done.stderr


def test_the_check_is_red_for_an_orphan_and_prune_drops_it(project: Path, command: Command) -> None:
    path = project / SYSTEM
    line = decode(path.read_bytes().splitlines()[-1])
    orphan = type(line)(**{name: getattr(line, name) for name in line.__slots__} | {"key": "zz.top-1"})
    path.write_bytes(path.read_bytes() + orphan.encode())
    status, out, _ = command("check")
    assert status == 1
    assert f"{SYSTEM}:81: orphan: no plan of PLANS.toml asks for zz.top-1. Add the plan that recorded it" in out
    assert "or drop it: newsgauge cassettes prune" in out
    said = f"{SYSTEM}: 1 of 81 cases that no plan asks for\n"
    assert command("prune") == (1, f"{said}nothing dropped: to drop them, say --yes\n", "")
    assert len(keys(project)) == 81
    assert command("prune", "--yes") == (0, f"{said}{SYSTEM}: dropped\n", "")
    assert command("check")[0] == 0


@pytest.mark.parametrize(
    "pasted",
    [
        "-Müll \U0001f600\\x-1",
        "-M%C3%BCll %F0%9F%98%80\\\\x-1-system",
        "evals/test_a.py::test_b[-M%C3%BCll %F0%9F%98%80\\\\x-1-system]",
    ],
    ids=["as written", "as a test's id", "as pytest's node id"],
)
def test_a_case_is_found_by_its_id_and_shown_as_the_user_wrote_it(project: Path, command: Command, pasted: str) -> None:
    path = project / SYSTEM
    line = decode(path.read_bytes().splitlines()[-1])
    key = RawPost("-Müll \U0001f600\\x", "1", "").id
    odd = type(line)(**{name: getattr(line, name) for name in line.__slots__} | {"key": key})
    path.write_bytes(path.read_bytes() + odd.encode())
    status, out, _ = command("show", pasted)
    assert (status, out.splitlines()[0]) == (0, f"{SYSTEM}:81  -Müll \U0001f600\\x-1")


def test_a_file_that_no_plan_asks_for_is_found_and_removed(project: Path, command: Command) -> None:
    shutil.copy(project / SYSTEM, project / "cassettes/embedded/bundled/old-prompt.jsonl")
    status, out, _ = command("check")
    assert (status, "old-prompt.jsonl: no plan of PLANS.toml asks for this file (80 lines)" in out) == (1, True)
    asked = project / "cassettes/embedded/bundled/ASKED.json"
    asked.write_text('{"old-prompt": {"hash": "2026"}, "system": {"hash": "2027"}}')
    assert command("prune", "--yes")[0] == 0
    assert not (project / "cassettes/embedded/bundled/old-prompt.jsonl").exists()
    assert json.loads(asked.read_text()) == {"system": {"hash": "2027"}}


def test_orphans_are_one_line_per_file_with_their_number(project: Path, command: Command) -> None:
    plans = project / "cassettes" / "PLANS.toml"
    plans.write_text(plans.read_text() + "posts_per_class = 1\n")
    status, out, _ = command("check")
    found = [line for line in out.splitlines() if "orphan" in line and "not checked" not in line]
    assert (status, len(found)) == (1, N_FILES)
    assert all("and for 71 more lines. Add the plan" in line for line in found)


def test_what_a_paid_backend_answered_is_dropped_only_if_that_is_said(project: Path, command: Command) -> None:
    paid = project / "cassettes/gemini/bundled/system.jsonl"
    paid.parent.mkdir(parents=True)
    shutil.copy(project / SYSTEM, paid)
    status, out, _ = command("prune", "--yes")
    assert status == 1  # something is left to do
    assert "left as it is: 80 cases of a paid backend; drop them with --paid" in out
    assert paid.exists()
    assert command("prune", "--paid")[0] == 1
    assert paid.exists()
    assert command("prune", "--yes", "--paid")[0] == 0
    assert not paid.exists()


@pytest.mark.parametrize("where", ["absolute", "cassettes/", "./cassettes", "outside"])
def test_the_folder_of_the_cassettes_may_be_named_in_any_way(
    project: Path, command: Command, tmp_path_factory: pytest.TempPathFactory, where: str
) -> None:
    named = {"absolute": str(project / "cassettes"), "outside": str(tmp_path_factory.mktemp("far") / "kept")}
    if where == "outside":
        shutil.copytree(project / "cassettes", named[where])
    status, out, error = command("check", "--cassettes", named.get(where, where))
    assert (status, out.splitlines()[-1], error) == (0, f"{N_FILES} files checked, 0 findings", "")
    status, out, error = command("stats", "--cassettes", named.get(where, where))
    assert (status, out.splitlines()[-1].startswith("in all 640 cases"), error) == (0, True, "")


def test_plans_are_printed_as_the_commands_that_replay_them(project: Path, command: Command) -> None:
    plans = project / "cassettes" / "PLANS.toml"
    more = (
        'backend = "gemini"\ncorpus = "bundled"\nvariants = "bare,labels"\nposts_per_class = 1\nallow_threads = true\n'
    )
    plans.write_text(f"{plans.read_text()}[[plan]]\n{more}")
    printed = "--backend gemini --posts-per-class 1 --allow-threads --variants bare,labels"
    assert command("plans") == (0, f"pytest evals\npytest evals {printed}\n", "")


def test_nothing_is_pruned_of_a_corpus_that_is_not_here(project: Path, command: Command) -> None:
    plans = project / "cassettes" / "PLANS.toml"
    plans.write_text(plans.read_text() + '[[plan]]\ncorpus = "20newsgroups"\n')
    shutil.copytree(ROOT / "cassettes/embedded/20newsgroups", project / "cassettes/embedded/20newsgroups")
    before = (project / "cassettes/embedded/20newsgroups/bare.jsonl").read_bytes()
    status, out, _ = command("check")
    assert status == 0
    assert "its corpus is not on this machine: orphans in cassettes/embedded/20newsgroups" in out
    assert "bare.jsonl: left as it is, as its corpus is not on this machine" in command("prune")[1]
    assert (project / "cassettes/embedded/20newsgroups/bare.jsonl").read_bytes() == before
    assert "not verified, as its corpus is not on this machine: embedded/20newsgroups" in command("verify")[1]


def test_finalize_sorts_drops_duplicates_and_keeps_the_content(project: Path, command: Command) -> None:
    path = project / SYSTEM
    before = path.read_bytes()
    lines = before.splitlines(keepends=True)
    path.write_bytes(b"".join([*reversed(lines), lines[3]]))
    assert command("check")[0] == 1
    assert command("finalize") == (0, f"{SYSTEM}: rewritten\n", "")
    assert path.read_bytes() == before
    assert command("finalize") == (0, "", "")


def test_verify_names_what_a_changed_prompt_leaves_unanswered(project: Path, command: Command) -> None:
    path = project / "evals" / "variants.toml"
    path.write_text(path.read_text().replace("Usenet newsgroup. ", "Usenet group. "))
    status, out, _ = command("verify")
    assert (status, out.splitlines()[-1]) == (1, "640 planned cases replayed, 80 without an answer")
    assert f"pytest evals: {SYSTEM}:1: variant 'system' changed since it was recorded: system instruction" in out


def test_show_says_what_every_variant_was_asked_and_answered(project: Path, command: Command) -> None:
    key = keys(project)[0]
    status, out, _ = command("show", key)
    assert (status, out.count(f"  {key}\n")) == (0, N_FILES)
    assert f"{SYSTEM}:1  {key}" in out
    assert "systemInstruction: You are a service that sorts mail." in out
    assert "[a text of " in out
    assert command("show", f"{key}-system")[1].count(f"  {key}\n") == 1
    status, _, error = command("show", "sci.space-0")
    assert (status, "no cassette holds 'sci.space-0'" in error) == (2, True)


def test_stats_count_cases_and_name_models(command: Command) -> None:
    status, out, _ = command("stats")
    assert status == 0
    assert f"{SYSTEM}: 80 cases," in out
    assert "  model_version: newsgauge-embedded-" in out
    assert out.splitlines()[-1].startswith("in all 640 cases, ")


def test_a_damaged_file_is_named_and_not_finalized(project: Path, command: Command) -> None:
    path = project / SYSTEM
    damaged = path.read_bytes().replace(b"sci.med", b"sci.mad", 2)
    path.write_bytes(damaged)
    status, _, error = command("finalize")
    assert status == 1
    assert "system.jsonl:" in error
    assert "a byte of it was changed" in error
    assert path.read_bytes() == damaged


def test_a_folder_of_an_eval_is_checked_but_its_orphans_are_not_told(project: Path, command: Command) -> None:
    own = project / "cassettes" / "embedded" / "bundled+own"
    own.mkdir()
    shutil.copy(project / SYSTEM, own / "system.jsonl")
    plans = project / "cassettes" / "PLANS.toml"
    plans.write_text(plans.read_text() + '[[eval]]\nabout = "evals/test_own.py"\nfolder = "embedded/bundled+own"\n')
    status, out, _ = command("check")
    assert (status, "evals/test_own.py alone knows what it asks: orphans in" in out) == (0, True)
    assert "left as it is" in command("prune")[1]
    (own / "system.jsonl").write_bytes((own / "system.jsonl").read_bytes()[:-9])
    assert command("check")[0] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "and nothing else, got nothing"),
        ("[plan]", "and nothing else, got plan"),
        ("[[plan", "not readable as TOML"),
        ("[[plan]]\ncorpos = 'x'", "plan 1: unknown key 'corpos'; known: about, backend, corpus"),
        ("[[plan]]\ncorpus = 3", "plan 1: expected 'corpus' to be str, got int"),
        ("[[plan]]\nbackend = 'openai'", "plan 1: backend is 'openai'; known: embedded, gemini, vertex"),
        ("[[plan]]\ncorpus = 'bundled'\n[[eval]]\nfolder = 'x'", "eval 1: expected 'about', the eval's file, and"),
        ("[[plan]]\ncorpus = 'bundled'\nvariants = 'x'", "plan 1: --variants: unknown 'x'"),
    ],
)
def test_a_wrong_plan_is_a_usage_error(project: Path, command: Command, text: str, words: str) -> None:
    (project / "cassettes" / "PLANS.toml").write_text(text)
    status, out, error = command("check")
    assert (status, out) == (2, "")
    assert words in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("action", [("finalize",), ("prune", "--yes")], ids=" ".join)
def test_what_an_interrupted_recording_of_everything_has_asked_again_stays_until_it_is_complete(
    project: Path, command: Command, action: tuple[str, ...]
) -> None:
    path, unfinished = project / SYSTEM, project / ".newsgauge" / "record.json"
    first = path.read_bytes().splitlines(keepends=True)[0]
    line = decode(first)
    again = replace(line, provenance={**line.provenance, "recorded": "2126-01-01T00:00:00Z"}).encode()
    orphan = replace(line, key=f"{line.key}0").encode()
    path.write_bytes(path.read_bytes() + again + orphan)
    unfinished.parent.mkdir()
    unfinished.write_text('{"a recording": "2026-11-26T00:00:00Z"}')
    status, out, _ = command(*action)
    assert status == 0
    assert again in path.read_bytes()
    assert (orphan in path.read_bytes()) == ("kept twice" in out) == (action == ("finalize",))
    unfinished.unlink()
    assert command("finalize")[0] == 0
    assert again not in path.read_bytes()
    assert first in path.read_bytes()


@pytest.mark.slow
def test_what_a_recording_under_way_plans_in_the_end_is_not_pruned(project: Path) -> None:
    plans, before = project / "cassettes" / "PLANS.toml", keys(project)
    planned = plans.read_text()
    plans.write_text(planned + "posts_per_class = 1\n")
    prune = [sys.executable, "-m", "newsgauge.cli.main", "cassettes", "prune", "--yes", "--root", str(project)]
    with locked(project / ".newsgauge" / "record.lock"):
        process = subprocess.Popen(prune, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "another recording of this project is under way" in process.stderr.readline()
        plans.write_text(planned)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert f"{SYSTEM}: left as it is" in out
    assert keys(project) == before


def test_a_folder_without_cassettes_is_a_usage_error(project: Path, command: Command) -> None:
    shutil.rmtree(project / "cassettes")
    assert command("stats")[0] == 2


@pytest.mark.parametrize("action", [("prune", "--yes"), ("finalize",)], ids=" ".join)
def test_where_a_file_cannot_be_written_one_line_says_so(
    project: Path, command: Command, monkeypatch: pytest.MonkeyPatch, action: tuple[str, ...]
) -> None:
    plans = project / "cassettes" / "PLANS.toml"
    plans.write_text('[[plan]]\ncorpus = "bundled"\nposts_per_class = 1\n')

    def refuse(self: CassetteFile, **options: object) -> bool:
        raise PermissionError(13, "Permission denied", str(self.shown))

    monkeypatch.setattr(CassetteFile, "finalize", refuse)
    status, _, err = command(*action)
    assert status == 1
    assert err.splitlines()[-1].endswith(
        ".jsonl: Permission denied; make the file and its folder writable, or work on a copy"
    )
    assert "Errno" not in err
