"""Starts and stops the embedded backend: in a thread for a run that records, or in the foreground for ``newsgauge serve``."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType

import uvicorn

from ..errors import BackendError
from .app import create_app

_START_TIMEOUT_S = 30.0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises `BackendError` where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise BackendError(
            f"cannot listen on {host}:{port}: {reason}. Choose another with --port, or --port 0 for any free one"
        ) from None
    return listener


class EmbeddedServer:
    """The embedded backend on a loopback port of its own, in a thread; a context manager."""

    def __init__(self) -> None:
        self._listener = bind("127.0.0.1", 0)
        config = uvicorn.Config(create_app(), log_level="error", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="newsgauge-embedded", daemon=True
        )

    @property
    def base_url(self) -> str:
        """Where an SDK finds it, without an API version: ``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> EmbeddedServer:
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise BackendError(f"the embedded backend did not start on {self.base_url}")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_START_TIMEOUT_S)
        self._listener.close()


def serve(host: str, port: int) -> None:
    """Serve in the foreground until SIGTERM or Ctrl-C."""
    listener = bind(host, port)
    host_text = f"[{host}]" if ":" in host else host
    url = f"http://{host_text}:{listener.getsockname()[1]}"
    print(f"newsgauge embedded backend on {url}  (a small model of its own; not Gemini)")
    print("Point an SDK at it:")
    print(f"  genai.Client(api_key='any', http_options={{'base_url': '{url}'}})")
    print(f"  or: GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any", flush=True)
    config = uvicorn.Config(create_app(), log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
