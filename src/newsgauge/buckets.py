"""Uploads a training file to Cloud Storage: bytes in, a ``gs://`` URI out; google-cloud-storage's only door here."""

from __future__ import annotations

from .backends import cloud_credentials, is_loopback, service_errors
from .errors import BackendError, UsageError

_TIMEOUT_S = 120.0


def upload(data: bytes, *, bucket: str, name: str, project: str, base_url: str | None) -> str:
    """Store the object, in place of an older one of its name. Raises `UsageError` or `BackendError`."""
    try:
        from google.api_core.exceptions import GoogleAPICallError
        from google.cloud import storage
    except ImportError:
        raise UsageError(
            "--backend vertex: uploading the training file takes google-cloud-storage, which is not installed: "
            "pip install 'newsgauge[vertex]'"
        ) from None
    local = base_url if base_url is not None and is_loopback(base_url) else None
    uri = f"gs://{bucket}/{name}"
    with service_errors(uri):
        client = storage.Client(
            project=project,
            credentials=cloud_credentials(local),
            client_options={"api_endpoint": local} if local else None,
        )
        try:
            blob = client.bucket(bucket).blob(name)
            blob.upload_from_string(data, content_type="application/jsonl", timeout=_TIMEOUT_S)
        except GoogleAPICallError as error:
            raise BackendError(
                f"{uri}: {error.code} {error.message}. Does the bucket exist, and may this account write to it?"
            ) from None
        finally:
            client.close()
    return uri
