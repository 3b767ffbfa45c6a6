"""Values of an answer that the installed SDK does not know yet, such as a new finish reason, are no reason to warn.

The SDK hands such a value on as it came, and warns. Where warnings are errors that breaks the answer: one that was paid
for could not be recorded, and a recorded one not replayed, until the SDK is updated. What newsgauge makes of an unknown
value, `answers` says.
"""

from __future__ import annotations

import threading
import warnings
from functools import cache
from typing import Any

_LOCK = threading.Lock()


@cache
def accept_unknown_values() -> None:
    """From now on, whatever warning filters are set. Changes nothing in an SDK that is built in another way."""
    from google.genai import _common

    enum = getattr(_common, "CaseInSensitiveEnum", None)
    missing = vars(enum).get("_missing_") if enum is not None else None
    if not isinstance(missing, classmethod):
        return

    def quietly(cls: Any, value: Any) -> Any:
        # Filters are the process's: they are changed only for the moment in which an unknown value is met.
        if not isinstance(value, str):
            return None  # none of the enum's values; the SDK would ask a number for its upper case
        with _LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return missing.__get__(None, cls)(value)

    enum._missing_ = classmethod(quietly)  # type: ignore[union-attr]
