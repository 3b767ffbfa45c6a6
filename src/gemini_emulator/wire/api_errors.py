"""Errors in the service's own form. A client's mistake gets one of these, never a traceback."""

from __future__ import annotations

import html
from typing import Any

_INFO = "type.googleapis.com/google.rpc."
_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits"
_PAGE = """<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That is an error.</ins>
  <p>The requested URL <code>{}</code> was not found on this server. <ins>That is all we know.</ins>
"""


class ServiceError(Exception):
    """A refusal: HTTP ``code``, canonical ``status``, ``message`` and typed ``details``."""

    def __init__(self, code: int, status: str, message: str, *, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.code, self.status, self.message = code, status, message
        self.details = details or []

    def body(self) -> dict[str, Any]:
        """``{"error": {code, message, status, details}}``; no ``details`` if there are none."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


def invalid(message: str, *, field: str | None = None) -> ServiceError:
    """400 INVALID_ARGUMENT; ``field`` names the culprit in a BadRequest detail."""
    details = [] if field is None else [_bad_request(field, message)]
    return ServiceError(400, "INVALID_ARGUMENT", message, details=details)


def not_found(what: str) -> ServiceError:
    """404 NOT_FOUND."""
    return ServiceError(404, "NOT_FOUND", f"{what} is not found")


def exists(what: str) -> ServiceError:
    """409 ALREADY_EXISTS."""
    return ServiceError(409, "ALREADY_EXISTS", f"{what} already exists")


def not_ready(message: str) -> ServiceError:
    """400 FAILED_PRECONDITION."""
    return ServiceError(400, "FAILED_PRECONDITION", message)


def internal(message: str = "An internal error has occurred. Please retry.") -> ServiceError:
    """500 INTERNAL."""
    return ServiceError(500, "INTERNAL", message)


def too_large(limit_bytes: int) -> ServiceError:
    """413: the body is over the limit."""
    return ServiceError(413, "INVALID_ARGUMENT", f"Request payload size exceeds the limit: {limit_bytes} bytes.")


def wrong_key() -> ServiceError:
    """400 with ErrorInfo API_KEY_INVALID, as the Developer API answers a key it does not know."""
    message = "API key not valid. Please pass a valid API key."
    info = {
        "@type": f"{_INFO}ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    localized = {"@type": f"{_INFO}LocalizedMessage", "locale": "en-US", "message": message}
    return ServiceError(400, "INVALID_ARGUMENT", message, details=[info, localized])


def nowhere(path: str) -> bytes:
    """The page for a path under which nothing is served: HTML, as Google's front end answers before any API does."""
    return _PAGE.format(html.escape(path[:500])).encode("utf-8")


def wrong_token() -> ServiceError:
    """401, as the Enterprise surface answers a bearer token it does not know."""
    return ServiceError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")


def over_quota(
    *, quota_id: str, metric: str, limit: int, model: str, retry_after_s: float, on_vertex: bool = False
) -> ServiceError:
    """429 with QuotaFailure (which quota) and RetryInfo (when to come back); Vertex says neither."""
    if on_vertex:
        return ServiceError(
            429,
            "RESOURCE_EXHAUSTED",
            "Resource exhausted. Please try again later. Please refer to "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
        )
    violation = {
        "quotaMetric": f"generativelanguage.googleapis.com/{metric}",
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": str(limit),
    }
    return ServiceError(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        f"error, head to: {_LIMITS}. \n* Quota exceeded for metric: {violation['quotaMetric']}, limit: {limit}, model: "
        f"{model}\nPlease retry in {retry_after_s:.3f}s.",
        details=[
            {"@type": f"{_INFO}QuotaFailure", "violations": [violation]},
            {
                "@type": f"{_INFO}Help",
                "links": [{"description": "Learn more about Gemini API quotas", "url": _LIMITS}],
            },
            {"@type": f"{_INFO}RetryInfo", "retryDelay": f"{max(1, -(-retry_after_s // 1)):.0f}s"},
        ],
    )


def _bad_request(field: str, message: str) -> dict[str, Any]:
    return {"@type": f"{_INFO}BadRequest", "fieldViolations": [{"field": field, "description": message}]}
