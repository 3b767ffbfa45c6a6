"""Commands without pytest read of pytest's configuration what pytest would."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge._util.pytest_ini import read_ini
from newsgauge.errors import UsageError

INI = "[pytest]\nnewsgauge_corpus = a b%.csv\naddopts = -q\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", INI),
        ("tox.ini", INI),
        ("setup.cfg", INI.replace("[pytest]", "[tool:pytest]")),
        ("pytest.toml", '[pytest]\nnewsgauge_corpus = "a b%.csv"\n'),
        ("pyproject.toml", '[tool.pytest]\nnewsgauge_corpus = "a b%.csv"\n'),
        ("pyproject.toml", '[tool.pytest.ini_options]\nnewsgauge_corpus = "a b%.csv"\n'),
    ],
)
def test_a_value_is_found_where_pytest_finds_it(pytester: pytest.Pytester, name: str, text: str) -> None:
    (pytester.path / name).write_text(text)
    assert read_ini(pytester.path) == {"newsgauge_corpus": "a b%.csv"}
    assert pytester.parseconfigure().getini("newsgauge_corpus") == "a b%.csv"


def test_the_first_file_that_is_about_pytest_decides(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    (tmp_path / "tox.ini").write_text("[pytest]\nnewsgauge_corpus = tox.csv\n")
    assert read_ini(tmp_path) == {"newsgauge_corpus": "tox.csv"}
    (tmp_path / "pytest.ini").write_text("")
    assert read_ini(tmp_path) == {}


def test_without_a_configuration_nothing_is_set(tmp_path: Path) -> None:
    assert read_ini(tmp_path) == {}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(UsageError, match=r"pyproject\.toml: not readable as a configuration"):
        read_ini(tmp_path)
