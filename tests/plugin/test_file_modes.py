"""What newsgauge writes is as open to others as the user's umask lets new files be, and no more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsgauge._util.files import replace_file


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


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(path, "text")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o077], indirect=True, ids=oct)
def test_nobody_else_reads_what_a_run_leaves_where_the_user_says_so(project: pytest.Pytester, umask: int) -> None:
    shutil.rmtree(".newsgauge")
    assert project.runpytest_inprocess("evals", "--update-baseline").ret == 0
    left = [*Path(".newsgauge").rglob("*"), *Path("evals/baselines").rglob("*")]
    assert len(left) > 5
    assert {str(path): oct(path.stat().st_mode) for path in left if path.stat().st_mode & 0o077} == {}
