"""Times as the service writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time in RFC 3339, with microseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
