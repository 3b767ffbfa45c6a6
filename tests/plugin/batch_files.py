"""What the tests of batches look at: recorded lines, and the jobs that are open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in path.read_text().splitlines()] if path.exists() else []


def without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    """A line without these names of its provenance, the time of its answer, and the digest, which is over them too."""
    provenance = {name: value for name, value in line["provenance"].items() if name not in names}
    body = {name: value for name, value in line["response"]["body"].items() if name != "createTime"}
    return {**line, "provenance": provenance, "digest": "", "response": {**line["response"], "body": body}}


def open_jobs() -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads(Path(".newsgauge/batches.json").read_text())["jobs"]
    return jobs
