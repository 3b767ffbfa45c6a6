"""Which tests a run has: one per planned post and variant, one per planned gate, and gates go last."""

from __future__ import annotations

import pytest

from .options import evals_folder
from .run_state import STATE


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case a planned post and variant; one gate a planned gate."""
    config = metafunc.config
    state = config.stash.get(STATE, None)
    if state is None or not metafunc.definition.path.is_relative_to(evals_folder(config)):
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
