"""Where a file for Vertex goes: ``gs://BUCKET[/FOLDER]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError

# Google's naming rules, but for the ones about dots and IP addresses, which the service itself explains.
_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.*?))?/?")


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """A bucket and a folder in it; the folder is '' or ends in no slash."""

    bucket: str
    folder: str

    def uri(self, file: str) -> str:
        """The URI of a file in it."""
        return f"gs://{self.bucket}/{self.folder}/{file}" if self.folder else f"gs://{self.bucket}/{file}"


def parse_bucket(text: str | None) -> BucketFolder:
    """Raises `UsageError` where there is none, or it has another form."""
    if not text:
        raise UsageError(
            "--bucket: Vertex reads training files and batches from Cloud Storage: name a bucket of the project, "
            "such as --bucket gs://my-bucket/newsgauge"
        )
    match = _URI.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--bucket: expected gs://BUCKET or gs://BUCKET/FOLDER, BUCKET of 3 to 63 lower-case letters, digits, "
            f"dots, hyphens and underscores; got {text!r}"
        )
    return BucketFolder(match[1], match[2] or "")
