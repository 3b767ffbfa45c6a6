"""Starts and stops the embedded backend: in a thread, or in the foreground."""

from __future__ import annotations

import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

import uvicorn

from .app import App, Options
from .connections import ResettableProtocol
from .errors import StartError
from .models.tuned_model import warm_up
from .service import Service

_START_TIMEOUT_S = 30.0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises `StartError` if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: only then does asyncio turn Nagle's algorithm off, which costs 40 ms a call.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise StartError(
            f"cannot listen on {host}:{port}: {reason}. Choose another with --port, or --port 0 for any free one"
        ) from None
    return listener


class EmbeddedServer:
    """The embedded backend on a loopback port of its own, in a thread; a context manager.

    ``state`` is a folder to keep tuned models, jobs and uploads in; without it they live in memory.
    Raises `StartError`.
    """

    def __init__(self, *, state: Path | None = None, options: Options | None = None) -> None:
        self._service = Service.open(state)
        try:
            self._listener = bind("127.0.0.1", 0)
        except StartError:
            self._service.close()
            raise
        self._server = uvicorn.Server(_config(App(self._service, options), log_level="error"))
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._listener]},
            name="gemini-emulator",
            daemon=True,
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
                raise StartError(f"the embedded backend did not start on {self.base_url}")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_START_TIMEOUT_S)
        self._listener.close()
        self._service.close()


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What an operator chooses beside host and port."""

    state: Path | None = None
    app: Options = field(default_factory=Options)


def serve(host: str, port: int, options: ServeOptions | None = None) -> None:
    """Serve in the foreground until SIGTERM or Ctrl-C. Raises `StartError`."""
    options = options or ServeOptions()
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises the signal again when it has stopped
    service = Service.open(options.state)
    try:
        with bind(host, port) as listener:
            host_text = f"[{host}]" if ":" in host else host
            _announce(f"http://{host_text}:{listener.getsockname()[1]}", options)
            threading.Thread(target=warm_up, name="gemini-emulator-warm-up", daemon=True).start()
            uvicorn.Server(_config(App(service, options.app), log_level="warning")).run(sockets=[listener])
    finally:
        service.close()


def _config(app: App, *, log_level: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=ResettableProtocol,
        log_level=log_level,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
    )


def _announce(url: str, options: ServeOptions) -> None:
    key = "the key you chose" if options.app.api_key is not None else "any"
    print(f"Gemini emulator on {url}  (a small model of its own; not Gemini)")
    print(f"State: {options.state or 'in memory; it ends with this process (--state DIR keeps it)'}")
    print("Point an SDK at it:")
    print(f"  genai.Client(api_key='{key}', http_options={{'base_url': '{url}'}})")
    print(f"  or: GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY='{key}'", flush=True)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
