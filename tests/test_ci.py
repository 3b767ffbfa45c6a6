"""CI is where a CI system says so, by ``CI`` or by a variable of its own."""

from __future__ import annotations

import pytest

from newsgauge._util.platform import is_ci


@pytest.mark.parametrize(
    "environ",
    [
        {"CI": "true"},
        {"CI": "1"},
        {"BUILD_NUMBER": "17"},
        {"JENKINS_URL": "https://ci.example"},
        {"TF_BUILD": "True"},
        {"TEAMCITY_VERSION": "2025.1"},
        {"BITBUCKET_BUILD_NUMBER": "3"},
        {"CI": "", "TF_BUILD": "True"},
    ],
    ids=str,
)
def test_these_are_ci(environ: dict[str, str]) -> None:
    assert is_ci(environ)


@pytest.mark.parametrize(
    "environ", [{}, {"CI": "false"}, {"CI": "0"}, {"CI": "false", "TF_BUILD": "True"}, {"TF_BUILD": "False"}], ids=str
)
def test_these_are_not(environ: dict[str, str]) -> None:
    assert not is_ci(environ)
