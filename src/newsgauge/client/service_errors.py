"""What a failed call means: data of the SDK's or HTTP client's exception in, one of our errors out. Pure.

Knows the shape of Google's error bodies, but neither the SDK nor the HTTP client: it gets plain values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from .._util.wording import one_line
from ..errors import BackendError, GoneError, QuotaError, TransientError
from .embedded import is_loopback

#: Temporary errors: timeouts, per-minute quotas, and a server that is down or overloaded.
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
#: The longest message shown. Google's name several quotas, but a web page goes on for screens.
_MAX_MESSAGE = 500
_RETRY_IN = re.compile(r"retry in ((?:\d{1,6}(?:\.\d+)?(?:h|ms|m|s))+)", re.IGNORECASE)
_UNITS_S = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_NO_QUOTA = re.compile(r"\blimit\s*[:=]?\s*0\b(?!\.\d)", re.IGNORECASE)
_NO_MONEY = re.compile(r"credits are depleted|spending (?:cap|limit)|insufficient (?:funds|balance)", re.IGNORECASE)
_METRIC = re.compile(r"metric:\s*([\w./-]+)")
_LOCATION = re.compile(r"/locations/([^/]+)/(?!endpoints/)")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def refusal(
    what: str,
    code: int,
    status: str | None,
    message: str | None,
    body: Any,
    *,
    url: str = "",
    headers: Mapping[str, str] | None = None,
) -> BackendError:
    """The error that an HTTP status stands for. ``body`` is the answer's JSON, whatever it is, or its bytes.

    ``url``: what was asked; ``headers``: those of the answer, their names in any case.
    """
    headers = headers or {}
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            message, body = body.decode("utf-8", "replace"), None
    error = _error(body)
    message, status = (str(one or error.get(name) or "") for one, name in ((message, "message"), (status, "status")))
    said = f"{what}: {code} {status}: {_readable(message) or 'no reason given'}".replace(" : ", ": ")
    details = _dicts(error.get("details"))
    violations = [violation for detail in details for violation in _violations(detail)]
    if code == 429 and (refused := _for_long(said, message, violations)):
        return refused
    if code in _TRANSIENT:
        wait = _retry_info_s(details) or retry_after_s(headers) or _retry_in_s(message)
        minute = ", ".join(quota for quota in _quotas(violations, message) if "perminute" in _plain(quota))
        more = f" (a per-minute quota, which recovers by itself: {minute})" if code == 429 and minute else ""
        return TransientError(f"{said}{more}", retry_after_s=wait, per_minute=_per_minute(violations), status=code)
    if is_redirect(code):
        return BackendError(f"{what}: {sent_on(code, url, headers)}", status=code)
    is_gone = code == 404 and ("/endpoints/" in what or what.startswith("tunedModels/"))
    if code in (404, 405) and url:
        said += f" (asked: {_shown(url)})"
        if location := _LOCATION.search(urlsplit(url).path):
            said += (
                f". Location {location[1]} was asked; if the model is in another one, set 'location' of the variant in "
                'variants.toml, such as location = "global", or GOOGLE_CLOUD_LOCATION'
            )
        # A server with Google's error format knows this version; others often know only v1beta.
        # The SDK makes one up of an answer that is no JSON: 'Not Found', where Google says NOT_FOUND.
        if "/v1/" in urlsplit(url).path and not str(error.get("status") or "").isupper():
            said += ". The server may know another version of the API: try --api-version v1beta"
    return (GoneError if is_gone else BackendError)(said, status=code)


def _for_long(said: str, message: str, violations: list[dict[str, Any]]) -> QuotaError | None:
    """The error for a quota that does not recover within a run."""
    if _NO_QUOTA.search(message) or any(str(violation.get("quotaValue")) == "0" for violation in violations):
        return QuotaError(
            f"{said.rstrip('.')}. The account has no quota for this model at all (limit 0): neither waiting nor "
            "tomorrow helps. Ask another model, or give the project billing or a tier that includes this one",
            status=429,
        )
    if _NO_MONEY.search(message):
        return QuotaError(
            f"{said.rstrip('.')}. Asking again would not help. What is recorded is kept: run the same command with "
            "--record-mode once when the project's billing allows it",
            status=429,
        )
    daily = [quota for quota in _quotas(violations, message) if "perday" in _plain(quota)]
    if not daily:
        return None
    model = " of this model (others have their own)" if any("permodel" in _plain(quota) for quota in daily) else ""
    return QuotaError(
        f"{said.rstrip('.')}. The quota {', '.join(daily)}{model} is used up for today, and asking again would not "
        "help. What is recorded is kept: run the same command tomorrow with --record-mode once, ask for fewer texts "
        "with --posts-per-class, or raise the quota of the project",
        status=429,
    )


def _quotas(violations: list[dict[str, Any]], message: str) -> list[str]:
    """The quotas that were exceeded; of an answer without details, the metrics that its message names."""
    named = [str(violation["quotaId"]) for violation in violations if violation.get("quotaId")]
    return named or list(dict.fromkeys(_METRIC.findall(message)))


def _plain(quota: str) -> str:
    return quota.lower().replace("_", "")


def _readable(message: str) -> str:
    """The message on one line; of a web page its title."""
    if not re.match(r"\s*<(!doctype|html|head|body)", message, re.IGNORECASE):
        return one_line(message, _MAX_MESSAGE)
    title = _TITLE.search(message)
    return f"a web page instead of JSON{f', {one_line(title[1], 80)!r}' if title else ''}"


def _shown(url: str) -> str:
    """Without query and user: they may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait of a ``Retry-After`` header, in seconds or until a time on the server's clock; None without one."""
    said = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}(\.\d+)?", said):
        return float(said)
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def is_transient(code: int) -> bool:
    """Whether an HTTP status means a temporary error."""
    return code in _TRANSIENT


def is_redirect(code: int) -> bool:
    """Whether an HTTP status is a redirect."""
    return code in (301, 302, 303, 307, 308)


def sent_on(code: int, url: str, headers: Mapping[str, str]) -> str:
    """The message for a redirect, which is never followed, because key and text would go to its target."""
    where = headers.get("location")
    return (
        f"{_shown(url)} sends the call on (status {code}) to {_shown(urljoin(url, where)) if where else 'no place'}, "
        "which is not followed: the key is not for it, and its answer would not be this service's. If it is the "
        "service that is meant, name it as the base URL"
    )


def broken_transport(what: str, error: BaseException) -> TransientError:
    """The error for a call that timed out, broke off or found no server, from the HTTP client's exception."""
    kind = type(error).__name__
    said = f"{what}: {kind}: {error}".rstrip(": ")
    unreachable = kind in ("ConnectError", "ConnectTimeout")
    asked = getattr(error, "_request", None)  # the property of this name raises where there is none
    if asked is not None and (unreachable or kind == "ProxyError") and (proxy := _proxy_to(str(asked.url))):
        said += f" (asked through {proxy}, the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names)"
    return TransientError(said, unreachable=unreachable)


def _proxy_to(url: str) -> str:
    """The proxy that the environment names for a URL, without user and password; empty if it names none."""
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    past = is_loopback(url) or proxy_bypass(parts.hostname or "")
    return "" if past or not proxy else _shown(proxy).rstrip("/")


def broken_body(what: str, error: Exception) -> TransientError:
    """The error for an answer with status 200 that is cut in half, is a proxy's web page, or not packed as it says."""
    packed = "the answer cannot be unpacked as its Content-Encoding says"
    wrong = "the answer is not JSON" if isinstance(error, ValueError) else packed
    return TransientError(f"{what}: {wrong} ({one_line(str(error), 120)})")


def _error(body: Any) -> dict[str, Any]:
    """The error in a body: Google wraps it in ``error``, and on Vertex at times in a list; gateways say ``detail``."""
    if isinstance(body, list):
        body = body[0] if body else {}
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict) and isinstance(error.get("detail"), str):
        error = {"message": error["detail"], **error}
    return error if isinstance(error, dict) else {"message": error if isinstance(error, str) else ""}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _violations(detail: dict[str, Any]) -> list[dict[str, Any]]:
    """The quotas that a detail names: those of a QuotaFailure, or the one of an ErrorInfo, under the same names."""
    found, metadata = _dicts(detail.get("violations")), detail.get("metadata")
    if isinstance(metadata, dict) and "quota_limit" in metadata:
        names = {"quotaId": "quota_limit", "quotaValue": "quota_limit_value", "quotaMetric": "quota_metric"}
        found.append({ours: metadata.get(theirs, "") for ours, theirs in names.items()})
    return found


def _retry_info_s(details: list[dict[str, Any]]) -> float | None:
    said = (str(one.get("retryDelay", "")) for one in details if str(one.get("@type", "")).endswith("rpc.RetryInfo"))
    return next((float(delay[:-1]) for delay in said if re.fullmatch(r"\d{1,6}(\.\d{1,9})?s", delay)), None)


def _retry_in_s(message: str) -> float | None:
    """``Please retry in 1m20.5s``."""
    match = _RETRY_IN.search(message)
    if match is None:
        return None
    return sum(float(n) * _UNITS_S[unit] for n, unit in re.findall(r"([\d.]+)(ms|[hms])", match[1].lower()))


def _per_minute(violations: list[dict[str, Any]]) -> dict[str, int]:
    limits: dict[str, int] = {}
    for violation in violations:
        value = str(violation.get("quotaValue", ""))
        if "PerMinute" in str(violation.get("quotaId", "")) and value.isdecimal() and 0 < int(value) < 10**12:
            kind = "input tokens" if "token" in str(violation.get("quotaMetric", "")).lower() else "requests"
            limits[kind] = min(int(value), limits.get(kind, int(value)))
    return limits
