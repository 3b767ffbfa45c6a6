"""Of thousands of cases that are no failure pytest keeps what it prints of them, and no more."""

from __future__ import annotations

import pytest

from newsgauge.pytest_plugin.slim_reports import VARIANT_PROPERTY


def test_of_a_case_that_is_no_failure_a_light_report_is_kept(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"""
        import pytest
        from newsgauge.pytest_plugin.slim_reports import SlimReports

        def pytest_configure(config):
            config.pluginmanager.register(SlimReports(config))

        def pytest_runtest_makereport(item):
            if not item.user_properties:
                item.user_properties.append(("{VARIANT_PROPERTY}", "tuned"))

        def pytest_terminal_summary(terminalreporter):
            for category, reports in sorted(terminalreporter.stats.items()):
                for report in reports:
                    print("kept", category or "quiet", type(report).__name__, report.nodeid, len(report.keywords))
        """
    )
    pytester.makepyfile(
        test_some="""
        import pytest
        def test_right(): pass
        def test_wrong(): pytest.xfail("a -> b")
        def test_broken(): assert False
        """
    )
    result = pytester.runpytest("-rx", "-p", "no:newsgauge")
    result.assert_outcomes(passed=1, xfailed=1, failed=1)
    kept = [line.split()[1:4] for line in result.outlines if line.startswith("kept")]
    assert kept == [
        ["failed", "TestReport", "test_some.py::test_broken"],
        ["passed", "_LightReport", "test_some.py::test_right"],
        ["xfailed", "_LightReport", "test_some.py::test_wrong"],
    ]
    result.stdout.fnmatch_lines(["XFAIL test_some.py::test_wrong - a -> b"])
    slow = pytester.runpytest("--durations", "0", "-vv", "-p", "no:newsgauge")
    slow.stdout.re_match_lines([r".* setup +test_some.py::test_right"])
