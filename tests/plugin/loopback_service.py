"""An HTTP server on loopback for tests: it hands each POST to whoever plays a service."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class LoopbackService:
    """Serves within ``with``; a service says in ``respond`` what it makes of a call."""

    def __init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                service.respond(self, self.rfile.read(int(self.headers["content-length"])).decode())

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def respond(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        raise NotImplementedError


def send(
    handler: BaseHTTPRequestHandler,
    code: int,
    body: bytes,
    kind: str = "application/json",
    *,
    extra: Mapping[str, str] | None = None,
) -> None:
    """Answer a call."""
    handler.send_response(code)
    for name, value in {"content-type": kind, "content-length": str(len(body)), **(extra or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
