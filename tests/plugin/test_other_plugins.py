"""The hooks of other plugins and conftests see what pytest shows them anywhere: nothing shared is a lesser copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

#: What a plugin or a conftest may do with what pytest hands it at a wrong label, and what it finds.
HOOKS = """
import json, pytest
from pathlib import Path

seen = []

@pytest.hookimpl(ORDER)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and call.excinfo is not None and "bare" in item.name and "case" in item.fixturenames:
        info = call.excinfo
        seen.append([
            type(info).__name__, info.typename, info.type.__name__, info.errisinstance(BaseException),
            info.exconly(), str(info.getrepr(style="short")).splitlines()[0], info.traceback[-1].name,
            str(item.repr_failure(info)).splitlines()[0], report.longreprtext, report.when,
            sorted(name for name, _ in item.user_properties), isinstance(hash(info.tb), int),
            info.match("sci") and True,
        ])
    return report

def pytest_sessionfinish(session):
    left = [sorted(name for name, _ in item.user_properties) for item in session.items if "bare" in item.name]
    Path("seen.json").write_text(json.dumps({"seen": seen, "left": left}))
"""
PROPERTIES = [f"newsgauge_{name}" for name in ("answer", "correct", "label", "outcome", "variant")]


@pytest.mark.parametrize("order", ["wrapper=True", "wrapper=True, tryfirst=True", "wrapper=True, trylast=True"])
def test_a_hook_of_the_users_own_sees_a_whole_exception(project: pytest.Pytester, order: str) -> None:
    Path("conftest.py").write_text(HOOKS.replace("ORDER", order))
    assert project.runpytest_inprocess("evals").ret == 0
    found = json.loads(Path("seen.json").read_text())
    assert len(found["seen"]) == 8  # the variant has none right
    for name, typename, kind, is_error, only, first, where, own, text, when, properties, has_tb, matches in found[
        "seen"
    ]:
        assert (name, typename, kind, is_error) == ("ExceptionInfo", "XFailed", "XFailed", True)
        assert only.startswith("_pytest.outcomes.XFailed: sci.")
        assert first.endswith(": in from_call")
        assert where == "test_names_its_newsgroup"
        assert text.startswith("sci.")
        assert " -> " in text
        assert own  # the whole traceback, or its message while the report is made
        assert (when, properties, has_tb, matches) == ("call", PROPERTIES, True, True)
    assert [names for names in found["left"] if "newsgauge_label" in names] == [PROPERTIES] * 8


def test_the_tracebacks_of_wrong_labels_are_there_for_who_asks(project: pytest.Pytester) -> None:
    file = Path("evals/test_newsgroups.py")
    text = file.read_text()
    raised = "raise pytest.xfail.Exception(reason, pytrace=False)"
    assert raised in text
    file.write_text(text.replace(raised, "pytest.xfail(reason)"))
    result = project.runpytest_inprocess("evals", "--variants", "bare", "--xfail-tb", "-rx")
    assert result.ret == 0
    assert result.stdout.str().count("_pytest.outcomes.XFailed: sci.") == 8
    short = project.runpytest_inprocess("evals", "--variants", "bare", "-rx")
    assert "XFailed" not in short.stdout.str()


def test_an_eval_that_fails_otherwise_than_its_mark_expects_shows_its_traceback(project: pytest.Pytester) -> None:
    Path("evals/test_marked.py").write_text(
        "import pytest\n\n@pytest.mark.xfail(raises=KeyError)\n@pytest.mark.parametrize('error', [KeyError, OSError])\n"
        "def test_known(error):\n    value = 7\n    raise error('on the way')\n"
    )
    result = project.runpytest_inprocess("evals/test_marked.py", "--xfail-tb", "--no-require-gates")
    assert result.stdout.str().count("    value = 7") == 2
    short = project.runpytest_inprocess("evals/test_marked.py", "-rx", "--no-require-gates")
    short.assert_outcomes(failed=1, xfailed=1)
    assert short.stdout.str().count("    value = 7") == 1
    short.stdout.fnmatch_lines(["evals/test_marked.py:7: OSError"])


def test_expected_failures_of_other_tests_keep_their_tracebacks(project: pytest.Pytester) -> None:
    project.makepyfile(test_unit="import pytest\n\ndef test_known():\n    value = 7\n    pytest.xfail('known')\n")
    Path("conftest.py").write_text(
        "import pytest\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    report = yield\n    if item.name == 'test_known' and call.when == 'call':\n"
        "        print('CRASH', report.longrepr.reprcrash.lineno)\n    return report\n"
    )
    result = project.runpytest_inprocess("evals", "test_unit.py", "-s")
    assert result.ret == 0
    assert "CRASH 5" in result.stdout.str()
