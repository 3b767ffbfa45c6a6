"""The embedded backend in a process of its own, so that who asks it has a processor for itself.

The two hold a pipe between them: it closes however the process ends that started the server, and the server ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import TracebackType

from .errors import StartError
from .server import EmbeddedServer

_STOP_TIMEOUT_S = 30.0


class ServerProcess:
    """A context manager; the server keeps its state in memory. Raises `StartError`."""

    def __init__(self) -> None:
        self.base_url = ""

    def __enter__(self) -> ServerProcess:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()  # '' if it ended before it said so
        if not self.base_url:
            self.__exit__(None, None, None)
            raise StartError("the embedded backend did not start in a process of its own")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=_STOP_TIMEOUT_S)  # closes the pipe
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def main() -> None:
    """Serve until standard input ends."""
    # Ctrl-C goes to all processes of a terminal. Who started this one decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with EmbeddedServer() as server:
        print(server.base_url, flush=True)
        sys.stdin.read()
        os._exit(0)  # nothing of its state is to be kept, and a training under way would be waited for


if __name__ == "__main__":
    main()
