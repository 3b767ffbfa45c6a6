"""From the options of a command to a service of tuning, on the backend that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..client.clients import Backend, cloud_project, open_client, vertex_base_url
from ..client.retry import RetryPolicy
from ..errors import UsageError
from .backend_options import reach_backend

if TYPE_CHECKING:
    from ..tuning.jobs import TuningService

_NOT_THERE = (
    "--backend gemini: Google ended tuning on the Gemini Developer API; it lives on Enterprise/Vertex: "
    "newsgauge tune --backend vertex --bucket gs://BUCKET"
)


@contextmanager
def open_tuning(backend: Backend, *, base_url: str | None, bucket: str | None) -> Iterator[TuningService]:
    """The service of a backend, as long as the block. Raises `UsageError` where tuning is not offered."""
    if backend == "gemini":
        raise UsageError(_NOT_THERE)
    with reach_backend(backend, base_url) as url:
        if backend == "embedded":
            from ..tuning.developer import DeveloperTuning

            assert url is not None
            yield DeveloperTuning(url)
            return
        from ..tuning.vertex import VertexTuning

        url = vertex_base_url(url)
        client = open_client("vertex", base_url=url, live=True)
        try:
            yield VertexTuning(client, cloud_project(url), url, bucket, RetryPolicy())
        finally:
            client.close()
