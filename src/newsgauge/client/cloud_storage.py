"""Objects of Cloud Storage by URI: bytes in and out, lists, deletion. The only importer of google-cloud-storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import BackendError, UsageError
from .calls import service_errors
from .clients import cloud_credentials
from .embedded import is_loopback

_TIMEOUT_S = 120.0
#: Larger objects are sent in pieces, so that an interrupted upload continues with the next piece.
_PIECE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CloudStorage:
    """The storage of one project's account; or of a local server (``base_url``) instead.

    Each method raises `UsageError` if the library is absent, and `BackendError`.
    """

    project: str
    base_url: str | None

    def upload(self, data: bytes, uri: str) -> str:
        """Store the object, in place of an older one of its name; its URI."""
        with self._opened(uri) as (client, bucket, name):
            blob = client.bucket(bucket).blob(name, chunk_size=_PIECE_BYTES)
            blob.upload_from_string(data, content_type="application/jsonl", timeout=_TIMEOUT_S)
        return uri

    def download(self, uri: str) -> bytes:
        """The object's bytes."""
        with self._opened(uri) as (client, bucket, name):
            return bytes(client.bucket(bucket).blob(name).download_as_bytes(timeout=_TIMEOUT_S))

    def list_uris(self, prefix: str) -> list[str]:
        """The URIs of the objects that begin so, sorted."""
        with self._opened(prefix) as (client, bucket, name):
            blobs = client.list_blobs(bucket, prefix=name, timeout=_TIMEOUT_S)
            return sorted(f"gs://{bucket}/{blob.name}" for blob in blobs)

    def delete(self, uri: str) -> None:
        """Delete the object; one that is gone already is fine."""
        with self._opened(uri) as (client, bucket, name):
            from google.api_core.exceptions import NotFound

            try:
                client.bucket(bucket).blob(name).delete(timeout=_TIMEOUT_S)
            except NotFound:
                return

    @contextmanager
    def _opened(self, uri: str) -> Iterator[tuple[Any, str, str]]:
        """A client, and the bucket and name that the URI is made of."""
        try:
            from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
            from google.cloud import storage
        except ImportError:
            raise UsageError(
                "--backend vertex: files in Cloud Storage take google-cloud-storage, which is not installed: "
                "pip install 'newsgauge[vertex]'"
            ) from None
        local = self.base_url if self.base_url is not None and is_loopback(self.base_url) else None
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        with service_errors(uri):
            client = storage.Client(
                project=self.project,
                credentials=cloud_credentials(local),
                client_options={"api_endpoint": local} if local else None,
            )
            try:
                yield client, bucket, name
            except GoogleAPICallError as error:
                raise BackendError(
                    f"{uri}: {error.code} {error.message}. Does the bucket exist, and may this account read and write "
                    "there?",
                    status=error.code,
                ) from None
            except (GoogleAPIError, storage.exceptions.DataCorruption, OSError) as error:  # last: not HTTP
                raise BackendError(f"{uri}: {type(error).__name__}: {str(error)[:200]}") from None
            finally:
                client.close()


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
    """Raises `UsageError` if there is none, or it has another form."""
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
