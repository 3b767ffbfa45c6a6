"""The hooks and the fixture of a run's cases: how one is answered, and what its report says.

A run may have 30,000 of them, so microseconds count here.

A run has one test per planned post and variant, and one per planned gate; gates go last.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from .._util.platform import give_back
from .._util.wording import one_line
from ..errors import NewsgaugeError
from ..records import Case, Outcome, Prediction
from .options import evals_folder
from .run_state import STATE
from .slim_reports import CORRECT_PROPERTY, VARIANT_PROPERTY

if TYPE_CHECKING:
    from ..recording.shared_budget import SharedBudget
    from ..running.run import Run
    from .scores_and_tokens import Scores

#: Tests between two times that free memory goes back to the system.
_GIVE_BACK_EVERY = 1_000


class Cases:
    """Registered by each process that runs cases. ``run`` asks them."""

    def __init__(self, run: Run, budget: SharedBudget | None = None) -> None:
        self._run = run
        self._budget = budget
        self._n_done = 0
        self._session: pytest.Session | None = None
        self._places: dict[object, tuple[str, int | None, str]] = {}

    @pytest.fixture
    def prediction(self, case: Case) -> Prediction:
        """The prediction of the case's variant for its post: from the cassette, or asked and recorded.

        A case that cannot be answered (no recording, a stale one, a refusal of the service) is an error of this test.
        Before ``--max-cost`` is passed the run stops.
        """
        key, said = (case.post.id, case.variant), None
        if self._budget is not None and (why := self._budget.begin(key)):
            assert self._session is not None  # not by the fixture ``request``, which takes 0.1 ms per test
            self._session.shouldstop = f"newsgauge: {why}"
            pytest.skip(why)
        try:
            said = self._run.ask(case)
        except NewsgaugeError as error:
            message = str(error)
        finally:
            if self._budget is not None:
                self._budget.end(key, said)
        return said or pytest.fail(message, pytrace=False)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Look up once per test function where it stands; pytest does it for each of its items, 70 us a time."""
        if isinstance(item, pytest.Function) and isinstance(item.parent, pytest.Module):
            if item.function not in self._places:
                self._places[item.function] = item.location
            item.__dict__["location"] = (*self._places[item.function][:2], item.name)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember the session, which a paid run may have to end."""
        self._session = session

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the case's properties on its report; a failed test of scores shows their table."""
        is_short = _is_expected_failure(item, call)
        if call.when == "setup":
            _tell_case(item)
        if is_short:
            item.repr_failure = _reason  # type: ignore[method-assign]
        try:
            report = yield
        finally:
            if is_short:
                del item.repr_failure
        if is_short and report.failed and call.excinfo is not None:  # its mark expects another error
            report.longrepr = item.repr_failure(call.excinfo)
        if report.failed and report.when == "call":
            _show_scores(item, report)
        if call.when == "teardown":
            self._n_done += 1
            is_large = item.session.testscollected >= _GIVE_BACK_EVERY
            if is_large and self._n_done % _GIVE_BACK_EVERY == 1:  # the first has imported the SDK
                give_back()
        return report


def _is_expected_failure(item: pytest.Item, call: pytest.CallInfo[None]) -> bool:
    """Whether an eval seems to end in an expected failure, as a wrong label is, whose traceback nobody asked to see.

    pytest would look for each file of the traceback on the disk, and parse it: 0.5 ms per case, 40 ms per property.
    """
    if call.when != "call" or call.excinfo is None or getattr(item.config.option, "xfail_tb", False):
        return False
    if not (isinstance(call.excinfo.value, pytest.xfail.Exception) or item.get_closest_marker("xfail")):
        return False
    return isinstance(_params(item).get("case"), Case) or evals_folder(item.config).resolve() in item.path.parents


def _show_scores(item: pytest.Item, report: pytest.TestReport) -> None:
    """Show the scoreboard below a failed test of scores."""
    asked: Scores | None = getattr(item, "funcargs", {}).get("scores")
    if asked is not None and (table := asked.table()):
        report.sections.append(("newsgauge scores", table))


def _reason(excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
    """Replaces `pytest.Item.repr_failure`: the exception's message without its traceback."""
    return str(excinfo.value)


def _params(item: pytest.Item) -> Mapping[str, object]:
    callspec: Any = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}


def _tell_case(item: pytest.Item) -> None:
    """The properties of a case for junit.xml and the progress line."""
    case = _params(item).get("case")
    if not isinstance(case, Case) or not isinstance(item, pytest.Function) or "prediction" not in item.fixturenames:
        return
    item.user_properties += [_property(VARIANT_PROPERTY, case.variant), _property("newsgauge_label", case.post.label)]
    said = item.funcargs.get("prediction")
    if isinstance(said, Prediction):
        item.user_properties += [
            _property("newsgauge_answer", one_line(said.label)),
            _property(CORRECT_PROPERTY, said.label == case.post.label),
            _property("newsgauge_outcome", _outcome(said, case.post.label)),
        ]
    else:  # it did not run, or nothing answered
        item.user_properties.append(_property("newsgauge_outcome", "no answer"))


def _outcome(said: Prediction, label: str) -> str:
    """In words: a wrong label is an answer too, which junit.xml shows as a test that was skipped."""
    if said.label == label:
        return "right label"
    return "wrong label" if said.outcome is Outcome.LABEL else f"wrong: {said.outcome}"


@lru_cache(1024)
def _property(name: str, value: object) -> tuple[str, object]:
    """The same object for the same property: 30,000 items keep theirs, and few of them differ."""
    return name, value


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per planned case, one per planned gate."""
    config = metafunc.config
    state = config.stash.get(STATE, None)
    if state is None or not metafunc.definition.path.resolve().is_relative_to(evals_folder(config).resolve()):
        return
    setup = state.run.setup
    if "case" in metafunc.fixturenames:
        cases = setup.cases
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])
    if "gate" in metafunc.fixturenames:
        where = f"gates.toml sets no gate for [{setup.backend}.{setup.plan.corpus}] and these variants"
        none = pytest.param(None, id="none-set", marks=pytest.mark.skip(reason=where))
        left_out = [
            pytest.param(None, id=one.gate, marks=pytest.mark.skip(reason=f"left out: {one.why}"))
            for one in state.left_out
        ]
        decided = [pytest.param(gate, id=gate.name) for gate in state.gates]
        metafunc.parametrize("gate", [*(decided or [none]), *left_out])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gates and tests of scores or tokens go last: by then most cases have left their results."""
    if not items or STATE not in items[0].config.stash:
        return
    known: dict[tuple[object, ...], bool] = {}  # the items of one test function are alike, and there are thousands

    def goes_last(item: pytest.Item) -> bool:
        kind = (item.parent, getattr(item, "originalname", item.name), *[mark.name for mark in item.own_markers])
        if kind not in known:
            is_gate = item.get_closest_marker("gate") is not None
            known[kind] = is_gate or not {"scores", "tokens"}.isdisjoint(getattr(item, "fixturenames", ()))
        return known[kind]

    items.sort(key=goes_last)
