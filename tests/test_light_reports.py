"""Of thousands of cases that are no failure pytest keeps what it prints of them, and no more."""

from __future__ import annotations

import pytest

from newsgauge.pytest_plugin.slim_reports import VARIANT_PROPERTY

RECORDER = f"""
import pytest
from newsgauge.pytest_plugin.slim_reports import SlimReports

def pytest_configure(config):
    config.pluginmanager.register(SlimReports(config))

def pytest_runtest_makereport(item):
    if not item.user_properties:
        item.user_properties.append(("{VARIANT_PROPERTY}", "tuned"))

def pytest_collection_finish(session):
    session.config.add_cleanup(lambda: show(session.config.pluginmanager.get_plugin("terminalreporter")))

def show(terminalreporter):
    for category, reports in sorted(terminalreporter.stats.items()):
        for report in reports:
            print("kept", category or "quiet", type(report).__name__, report.nodeid, len(report.keywords) > 0)
"""
TESTS = """
import pytest
def test_right(): pass
def test_wrong(): pytest.xfail("a -> b")
def test_broken(): assert False
"""


def kept(result: pytest.RunResult) -> list[list[str]]:
    return [line.split()[1:] for line in result.outlines if line.startswith("kept")]


def test_of_a_case_that_is_no_failure_a_light_report_is_kept(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(RECORDER)
    pytester.makepyfile(test_some=TESTS)
    result = pytester.runpytest("-rx", "-p", "no:newsgauge")
    result.assert_outcomes(passed=1, xfailed=1, failed=1)
    assert kept(result) == [
        ["failed", "TestReport", "test_some.py::test_broken", "True"],
        ["passed", "_LightReport", "test_some.py::test_right", "False"],
        ["xfailed", "_LightReport", "test_some.py::test_wrong", "False"],
    ]
    result.stdout.fnmatch_lines(["XFAIL test_some.py::test_wrong - a -> b"])
    slow = pytester.runpytest("--durations", "0", "-vv", "-p", "no:newsgauge")
    slow.stdout.re_match_lines([r".* setup +test_some.py::test_right"])


@pytest.mark.parametrize(
    "hook", ["terminal_summary(terminalreporter)", "sessionfinish(session)", "unconfigure(config)", "runtestloop()"]
)
def test_what_another_plugin_may_read_is_kept_whole(pytester: pytest.Pytester, hook: str) -> None:
    pytester.makeconftest(f"{RECORDER}\ndef pytest_{hook}:\n    pass\n")
    pytester.makepyfile(test_some=TESTS)
    result = pytester.runpytest("-p", "no:newsgauge")
    result.assert_outcomes(passed=1, xfailed=1, failed=1)
    whole = [(category, name, has_keywords) for category, name, *_, has_keywords in kept(result)]
    assert set(whole) == {(category, "TestReport", "True") for category in ("passed", "xfailed", "failed", "quiet")}
    assert len(whole) == 9
