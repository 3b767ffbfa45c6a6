"""The batch jobs that are not collected yet, in ``.newsgauge/batches.json``: which cases each holds, and where from.

A job is stored before it is started, so that no case is submitted twice whatever happens in between. The file is
written beside the file and moved over it; the command holds a lock meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .._util.files import write_whole
from ..errors import UsageError


@dataclass(frozen=True, slots=True)
class OpenJob:
    """``label`` is ours and unique; ``name`` is the service's, '' until it is known to be started.

    ``requests``: key of each case, and the digest of what was asked. ``file``: where they are, '' until they are
    uploaded. ``collected``: its answers are kept, what the service has of it is to be deleted.
    """

    label: str
    folder: str
    options: str
    model: str
    submitted: str
    requests: Mapping[str, str]
    file: str = ""
    name: str = ""
    collected: bool = False


class OpenJobs:
    """The file. Raises `UsageError` if it is damaged: what is under way and paid for must not be forgotten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs = {job.label: job for job in self._read()}

    @property
    def all(self) -> list[OpenJob]:
        """The jobs of every folder of cassettes, oldest first."""
        return list(self._jobs.values())

    def put(self, job: OpenJob, **known: Any) -> OpenJob:
        """Write down a job and what is ``known`` of it by now, in the place of what was known before."""
        job = replace(job, **known)
        self._jobs[job.label] = job
        self._write()
        return job

    def remove(self, job: OpenJob) -> None:
        """Remove a job that is finished with, or was never started."""
        self._jobs.pop(job.label, None)
        self._write()

    def _write(self) -> None:
        text = json.dumps({"format": 1, "jobs": [asdict(job) for job in self._jobs.values()]}, indent=1)
        write_whole(self._path, text + "\n", option="--batch")

    def _read(self) -> list[OpenJob]:
        try:
            value = json.loads(self._path.read_text("utf-8"))
            if value["format"] != 1:
                raise ValueError(f"format {value['format']!r} is not known here")
            return [OpenJob(**job) for job in value["jobs"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self._path}: expected the open batch jobs, got {error}. If none is under way, delete it"
            ) from None
