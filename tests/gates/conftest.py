"""Made results: so many right of so many, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from newsgauge.gates.gate import Evidence
from tests.gates.made_results import Made


@pytest.fixture
def made() -> Callable[..., Evidence]:
    def make(n: int, right: dict[str, Iterable[int]], **other: object) -> Evidence:
        return Made(n, right).evidence(**other)

    return make
