"""What a failed call means: the SDK's or the HTTP client's exception in, an error of ours out. Pure.

Knows the shape of Google's error bodies, but neither the SDK nor the HTTP client: it is handed plain values.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import BackendError, QuotaError, TransientError

#: What passes by itself: timeouts, quotas of a minute, and a server that is down or overloaded.
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


def refusal(what: str, code: int, status: str | None, message: str | None, body: Any) -> BackendError:
    """The error that an HTTP status stands for. ``body`` is the JSON of the answer, whatever it is."""
    said = f"{what}: {code} {status or ''}: {message or 'no reason given'}".replace(" : ", ": ")
    details = _details(body)
    violations = [violation for detail in details for violation in _dicts(detail.get("violations"))]
    quotas = [str(violation["quotaId"]) for violation in violations if violation.get("quotaId")]
    if code == 429 and any("PerDay" in quota for quota in quotas):
        return QuotaError(
            f"{said}. The quota {', '.join(quotas)} is used up for today, and asking again would not help. What is "
            "recorded is kept: run the same command tomorrow with --record-mode once, ask for fewer posts with "
            "--posts-per-class, or raise the quota of the project"
        )
    if code in _TRANSIENT:
        return TransientError(said, retry_after_s=_retry_after_s(details), per_minute=_per_minute(violations))
    return BackendError(said)


def is_transient(code: int) -> bool:
    """Whether an HTTP status passes by itself."""
    return code in _TRANSIENT


def broken_transport(what: str, error: Exception, *, unreachable: bool) -> TransientError:
    """The error for a call that timed out, was cut or met nobody."""
    return TransientError(f"{what}: {type(error).__name__}: {error}".rstrip(": "), unreachable=unreachable)


def broken_body(what: str, error: Exception) -> TransientError:
    """The error for an answer with status 200 that is cut in half, or is a proxy's web page."""
    return TransientError(f"{what}: the answer is not JSON ({error})")


def _details(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, list):  # as streams answer
        body = body[0] if body else {}
    error = body.get("error", body) if isinstance(body, dict) else {}
    return _dicts(error.get("details") if isinstance(error, dict) else None)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _retry_after_s(details: list[dict[str, Any]]) -> float | None:
    for detail in details:
        match = _SECONDS.fullmatch(str(detail.get("retryDelay", "")))
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo") and match:
            return float(match[1])
    return None


def _per_minute(violations: list[dict[str, Any]]) -> dict[str, int]:
    limits: dict[str, int] = {}
    for violation in violations:
        value = str(violation.get("quotaValue", ""))
        if "PerMinute" in str(violation.get("quotaId", "")) and value.isdecimal() and 0 < int(value) < 10**12:
            kind = "input tokens" if "token" in str(violation.get("quotaMetric", "")).lower() else "requests"
            limits[kind] = min(int(value), limits.get(kind, int(value)))
    return limits
