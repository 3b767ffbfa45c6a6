"""A replay runs where POSIX's own modules and calls are not there, and a checkout may change line endings."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from newsgauge._util.files import attribute_line, locked
from newsgauge._util.pytest_ini import Folders
from newsgauge.cassettes.store import CassetteFile
from newsgauge.cli.main import main
from newsgauge.errors import DamagedCassetteError
from newsgauge.running.plans_file import load_plans
from newsgauge.running.results_log import asked_values
from tests.quick_python import program

ROOT = Path(__file__).resolve().parents[1]
#: What only POSIX has, of what a program might want to use.
POSIX_MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog", "posix"}
POSIX_CALLS = {"pread", "pwrite", "fchmod", "fchown", "fork", "getuid", "geteuid", "killpg", "setsid", "O_CLOEXEC"}
_BLOCKING = """
import os, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios", "syslog"):
    sys.modules[name] = None
for name in ("pread", "pwrite", "fchmod", "fchown", "killpg", "setsid"):
    delattr(os, name)
"""


def project(folder: Path) -> Path:
    for name in ("evals", "cassettes/embedded/bundled", "fixtures/bundled"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    return folder


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    dropped = ("PYTEST", "CI")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    command = [sys.executable, "-c", f"{_BLOCKING}\n{code}"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_replay_gates_and_report_run_without_the_modules_and_calls_of_posix(tmp_path: Path) -> None:
    folder = project(tmp_path)
    options = '"evals/test_newsgroups.py", "evals/test_gates.py", "--variants", "labels,system"'
    done = run(folder, f"import pytest; sys.exit(pytest.main(['-p', 'newsgauge', {options}, '--require-gates']))")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "newsgauge: report .newsgauge/results/report.html" in done.stdout
    assert (folder / ".newsgauge" / "results" / "report.html").is_file()


@pytest.mark.slow
def test_a_recording_is_written_and_finalized_without_them_and_leaves_no_lock_behind(tmp_path: Path) -> None:
    folder = project(tmp_path)
    recorded = folder / "cassettes" / "embedded" / "bundled" / "labels.jsonl"
    before = recorded.read_bytes()
    recorded.write_bytes(b"".join(before.splitlines(keepends=True)[:-2]))
    options = '"--variants", "labels", "--record-mode", "once", "--allow-record-in-ci", "-W", "error"'
    done = run(
        folder, f"import pytest; sys.exit(pytest.main(['-p', 'newsgauge', 'evals/test_newsgroups.py', {options}]))"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    keys = [json.loads(line)["key"] for line in recorded.read_text().splitlines()]
    assert keys == [json.loads(line)["key"] for line in before.splitlines()]
    assert not list((folder / "cassettes").rglob(".*"))
    code = "from newsgauge.cli.main import main; sys.exit(main(['cassettes', 'finalize']))"
    assert run(folder, code).returncode == 0


def test_two_writers_without_fcntl_lose_no_line(tmp_path: Path) -> None:
    code = """
import json
from pathlib import Path
from newsgauge.cassettes.line import Line
from newsgauge.cassettes.store import CassetteFile
file = CassetteFile(Path("file.jsonl"))
for n in range(40):
    file.append(Line(f"{sys.argv[1]}-{n}", "POST", "/", {}, 200, {}, {}, "gemini", {}))
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", f"{_BLOCKING}\n{code}", name], cwd=tmp_path) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = (tmp_path / "file.jsonl").read_text().splitlines()
    assert {json.loads(line)["key"] for line in lines} == {f"{name}-{n}" for name in "ab" for n in range(40)}


def test_what_only_posix_has_is_used_in_one_module() -> None:
    found = set()
    for path in (ROOT / "src" / "newsgauge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            is_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
            if set(names) & POSIX_MODULES or (is_os and node.attr in POSIX_CALLS):  # type: ignore[attr-defined]
                found.add(path.relative_to(ROOT / "src" / "newsgauge").as_posix())
    # Linux alone has network namespaces; that module refuses to be used elsewhere.
    assert found == {"_util/files.py", "cassettes/network_namespace.py"}


def test_who_waits_for_a_lock_says_so_once_and_gets_it(tmp_path: Path) -> None:
    holder = (
        "import sys; from pathlib import Path; from newsgauge._util.files import attribute_line, locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()"
    )
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        said: list[str] = []

        def let_go() -> None:
            said.append("waiting")
            process.communicate("\n")

        with locked(path, on_wait=let_go):
            assert said == ["waiting"]
    with locked(path, on_wait=lambda: said.append("again")):
        assert said == ["waiting"]


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d2\nsize 12345\n"


def test_a_pointer_of_git_lfs_says_git_lfs_pull_and_not_to_record_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cassettes" / "embedded" / "bundled" / "system.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(POINTER)
    with pytest.raises(DamagedCassetteError, match="git lfs pull") as caught:
        CassetteFile(path).keys()
    assert "record" not in str(caught.value).replace("recordings", "")
    shutil.copytree(ROOT / "evals", tmp_path / "evals")
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "bundled").symlink_to(ROOT / "fixtures" / "bundled")
    (tmp_path / "cassettes" / "PLANS.toml").write_text('[[plan]]\ncorpus = "bundled"\n')
    assert main(["cassettes", "check", "--root", str(tmp_path)]) == 1
    assert "system.jsonl: a pointer of Git LFS" in capsys.readouterr().out
    assert main(["doctor", "--root", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "! cassettes " in said
    assert "embedded/bundled (1), of which 1 is a pointer of Git LFS" in said
    assert "git lfs pull" in said
    (plan,) = load_plans(Folders(tmp_path))
    assert plan.setup is not None
    assert asked_values(plan.setup)["recordings"] == {}  # and the report is written without its lines


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    "name", ["plain.csv", "my texts.csv", 'a"b.csv', "#a.csv", "!a.csv", "a[1].csv", "*.csv", "a\\b.csv", "müll/ö.csv"]
)
def test_a_line_of_gitattributes_is_about_the_file_that_is_named_and_no_other(tmp_path: Path, name: str) -> None:
    git(tmp_path, "init", "-q")
    for line, path in ((attribute_line(name), name), (attribute_line(f"{name}/**"), f"{name}/x/y")):
        (tmp_path / ".gitattributes").write_text(f"{line}\n", "utf-8")
        command = ["git", "check-attr", "-z", "text", "--", path, "a1.csv"]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True).stdout
        assert told.split("\0")[2::3] == ["unset", "unspecified"]


@pytest.mark.slow
@pytest.mark.parametrize("autocrlf", ["true", "false"])
def test_a_clone_replays_whatever_core_autocrlf_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autocrlf: str
) -> None:
    for name in ("CI", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    rows = "".join(
        f'"first line of {label} {n}\nsecond line {n}",{label}\n' for label in ("a b", "c") for n in range(12)
    )
    made = tmp_path / "made"
    made.mkdir()
    (made / "my texts.csv").write_bytes(f"text,label\n{rows}".encode())
    assert main(["init", str(made), "--data", str(made / "my texts.csv")]) == 0
    git(made, "init", "-q")
    git(made, "add", "-A")
    git(made, "commit", "-qm", "all")
    git(tmp_path, "-c", f"core.autocrlf={autocrlf}", "clone", "-q", str(made), "clone")
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    command = [program("python"), "-m", "pytest", "--require-gates"]

    def replay() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path / "clone", env=environment, capture_output=True, text=True, check=False
        )

    done = replay()
    assert done.returncode == 0, done.stdout
    table = tmp_path / "clone" / "my texts.csv"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    if autocrlf == "false":
        (tmp_path / "clone" / ".gitattributes").unlink()
    done = replay()
    assert done.returncode == 1
    assert "have other line endings than when it was recorded" in done.stdout
    assert done.stdout.count("newsgauge: no answer to 12 cases of ") == 4  # told once per variant
    assert done.stdout.count("have other line endings than when it was recorded") == 4
    assert "Delete the texts, then: git checkout -- 'my texts.csv'" in done.stdout
    # init has written the line; where it is gone it is named as git reads it
    assert ("contains '\"my texts.csv\" -text'" in done.stdout) == (autocrlf == "false")
    assert "Record it" not in done.stdout
