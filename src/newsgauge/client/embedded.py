"""The embedded backend for newsgauge: starts a server and gives its base URL; errors are `NewsgaugeError`.

With ``cli.commands.serve`` the only importer of `gemini_emulator`, which is imported when a server is started.

Also local servers in general: requests to them never use a proxy of the environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._util.platform import LOOPBACK
from ..errors import BackendError, UsageError

#: What only the server needs: the extra ``embedded``.
_EXTRA = ("starlette", "uvicorn", "wordllama", "tokenizers", "threadpoolctl")


def missing_packages() -> list[str]:
    """The packages that are missing to start a server; [] if none."""
    return [name for name in _EXTRA if find_spec(name) is None]


def check_installed(what: str) -> None:
    """Raise `UsageError` if ``what`` needs a server and something of its packages is missing."""
    if lacking := missing_packages():
        raise UsageError(
            f"{what} needs the embedded backend, and {', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not "
            "installed: pip install 'newsgauge[embedded]'"
        )


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn the emulator's own errors, and missing packages, into `UsageError` or `BackendError`."""
    from gemini_emulator.errors import EmulatorError, OptionError

    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        raise BackendError(
            f"the embedded backend needs {error.name}, which is not installed: pip install 'newsgauge[embedded]'"
        ) from None
    except OptionError as error:
        raise UsageError(str(error)) from None
    except EmulatorError as error:
        raise BackendError(str(error)) from None


@contextmanager
def embedded_server(state: Path | None = None) -> Iterator[str]:
    """A server in a thread of this process, within the block; ``state`` keeps its data, None forgets it."""
    with our_errors():
        from gemini_emulator.server import EmbeddedServer

        with EmbeddedServer(state=state) as server:
            yield server.base_url


@contextmanager
def embedded_process() -> Iterator[str]:
    """A server in a process of its own, for callers that need their processor for themselves."""
    with our_errors():
        from gemini_emulator.process import ServerProcess

        with ServerProcess() as server:
            yield server.base_url


def is_loopback(url: str) -> bool:
    """True for a server on this machine, such as ``newsgauge serve``: it gets no credentials."""
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:  # no URL at all
        return False


def direct() -> dict[str, Any]:
    """Arguments for an httpx client that uses no proxy for this machine, and the environment's proxies for others."""
    return {"mounts": {f"all://{f'[{host}]' if ':' in host else host}": None for host in LOOPBACK}}
