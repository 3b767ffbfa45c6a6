"""Ends what tests start once for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import quick_python


@pytest.fixture(scope="session", autouse=True)
def _end_quick_python() -> Iterator[None]:
    yield
    quick_python.stop()
