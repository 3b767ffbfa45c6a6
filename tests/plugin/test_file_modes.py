"""What newsgauge writes is as open to others as the user's umask lets new files be, and no more."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsgauge._util.files import replace_file
from newsgauge.cli.main import main
from newsgauge.report.publishing import WRITTEN


@pytest.fixture(params=[0o077, 0o027, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_has_the_mode_of_any_new_file(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new" / "file.json"
    for text in ("one", "other"):
        replace_file(path, text)
        assert path.read_text() == text
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_that_is_rewritten_keeps_its_mode_also_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, mode: int
) -> None:
    path, seen = tmp_path / "file.json", []
    path.write_text("old")
    path.chmod(mode)
    monkeypatch.setattr("os.fsync", lambda fd: seen.append(os.fstat(fd).st_mode & 0o777))
    replace_file(path, "new", durable=True)
    assert (path.read_text(), path.stat().st_mode & 0o777, seen) == ("new", mode, [mode])


def test_a_link_to_a_file_stays_one_and_any_other_is_replaced(tmp_path: Path) -> None:
    for name, leads_to in (("file", tmp_path / "elsewhere" / "file"), ("device", "/dev/null"), ("nowhere", "none")):
        path = tmp_path / name
        path.symlink_to(leads_to)
        if name == "file":
            (tmp_path / "elsewhere").mkdir()
            (tmp_path / "elsewhere" / "file").write_text("old")
        replace_file(path, "new")
        assert path.read_text() == "new"
        assert path.is_symlink() == (name == "file")
        assert not path.stat().st_mode & 0o022  # that of a new file, also in the place of a device
    assert (tmp_path / "elsewhere" / "file").read_text() == "new"
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("umask", [0o022], indirect=True, ids=oct)
def test_nobody_sees_more_of_a_file_that_was_closed_to_others(project: pytest.Pytester, umask: int) -> None:
    record = ["record", "--classes", "^sci.(space|med)$", "--variants", "system", "--posts-per-class"]
    tune = ["tune", "--classes", "^sci.(space|med)$", "--posts-per-class"]
    assert main([*record, "4", "--record-mode", "all"]) == main([*tune, "1"]) == 0  # ASKED.json, tuned.json
    assert project.runpytest_inprocess("evals", "--update-baseline").ret == 0
    closed = [path for folder in ("cassettes", "evals", ".newsgauge") for path in Path(folder).rglob("*.*")]
    closed = [path for path in closed if path.is_file()]
    for path in closed:
        path.chmod(0o600)
    before = {path: path.read_bytes() for path in closed}
    assert main([*record, "5", "--record-mode", "all"]) == main([*tune, "2"]) == 0
    Path("evals/variants.toml").write_text(Path("evals/variants.toml").read_text().replace("the post", "its post"))
    assert project.runpytest_inprocess("evals", "--update-baseline", "--variants", "bare").ret == 0
    changed = [path for path in closed if path.exists() and path.read_bytes() != before[path]]
    assert {"PLANS.toml", "ASKED.json", "system.jsonl", "tuned.json"} <= {path.name for path in changed}
    opened = {path.name for path in changed if path.stat().st_mode & 0o077}
    assert opened <= {*WRITTEN, "gates.json", "plan.json"}  # a run removes these first, so they are new


def test_a_write_that_fails_leaves_nothing_and_names_the_file_that_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    path.mkdir()
    with pytest.raises(OSError, match=r"directory: '.*/file\.json'$"):
        replace_file(path, "text")
    monkeypatch.setattr("os.fsync", lambda _: Path("/dev/full").write_text("x"))
    with pytest.raises(OSError, match=r"No space left on device: '.*/file\.json'$"):
        replace_file(path, "text", durable=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o077], indirect=True, ids=oct)
def test_nobody_else_reads_what_a_run_leaves_where_the_user_says_so(project: pytest.Pytester, umask: int) -> None:
    shutil.rmtree(".newsgauge")
    assert project.runpytest_inprocess("evals", "--update-baseline").ret == 0
    left = [*Path(".newsgauge").rglob("*"), *Path("evals/baselines").rglob("*")]
    assert len(left) > 5
    assert {str(path): oct(path.stat().st_mode) for path in left if path.stat().st_mode & 0o077} == {}


def test_a_checkout_that_cannot_be_written_is_green_unless_an_older_verdict_would_stay(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.rmtree(".newsgauge")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # as on a read-only file system
    result = project.runpytest_inprocess("evals")
    assert result.ret == 0
    (moved,) = tmp_path.glob("newsgauge-*")
    result.stdout.fnmatch_lines(
        [
            f"newsgauge: the usual folder of results cannot be written; they go to {moved}",
            f"newsgauge: report {moved}/report.html",
        ]
    )
    assert json.loads((moved / "gates.json").read_text())["verdict"] == "GREEN"
    assert not Path(".newsgauge").exists()
    older = Path(".newsgauge/results/gates.json")
    older.parent.mkdir(parents=True)
    older.write_text('{"verdict": "GREEN"}')
    assert project.runpytest_inprocess("evals", "-k", "gate").ret == 1  # marked, and written there
    assert json.loads(older.read_text())["verdict"] == "RED"
    assert list(tmp_path.glob("newsgauge-*")) == [moved]
