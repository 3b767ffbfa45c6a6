"""The embedded backend in a process of its own, so that who asks it has a processor for itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType

from ..errors import BackendError
from .server import EmbeddedServer

_START_TIMEOUT_S = 60.0


class ServerProcess:
    """A context manager; the server keeps its state in memory and ends with the process that started it.

    Raises `BackendError`.
    """

    def __init__(self) -> None:
        # Not forked: threads of this process, such as those of numerical libraries, would be missing there.
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), name="newsgauge-embedded", daemon=True)
        self._there = there
        self.base_url = ""

    def __enter__(self) -> ServerProcess:
        self._process.start()
        self._there.close()
        try:
            if not self._here.poll(_START_TIMEOUT_S):
                raise EOFError
            self.base_url = self._here.recv()
        except EOFError:
            self._process.kill()
            raise BackendError("the embedded backend did not start in a process of its own") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.close()  # which tells it to end
        self._process.join(_START_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(connection: Connection) -> None:
    # Ctrl-C goes to all processes of a terminal. Who started this one decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with EmbeddedServer() as server:
        connection.send(server.base_url)
        over = threading.Event()
        threading.Thread(target=_watch, args=(connection, over), daemon=True).start()
        over.wait()
    os._exit(0)  # nothing of its state is to be kept, and a training under way would be waited for


def _watch(connection: Connection, over: threading.Event) -> None:
    """The other end is closed also when its process is killed."""
    with suppress(EOFError):
        connection.recv()
    over.set()
