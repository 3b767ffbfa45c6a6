"""A Python whose libraries are imported already: each program that it runs is a fork of one process.

Most of the time of a pytest run in a process of its own is imports of libraries, the same each time. So one server per
process of the tests imports them, and nothing of newsgauge; `program` names a small client that stands for Python or
for a command. The client hands its arguments, folder, environment and open files to the server, which forks. The child
is a main program like any other, with handlers at exit, but its modules are not taken down: that would take as long as
all else. Signals pass both ways.

It needs Linux (`os.pidfd_open`). Elsewhere, and for options of Python's own, the client becomes the real Python.
"""

from __future__ import annotations

import atexit
import compileall
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from _pytest.assertion.rewrite import PYC_TAIL

LIBRARIES = (
    *("pytest", "execnet", "hypothesis.strategies", "google.genai.types", "httpx2", "httpcore2", "vcr.cassette"),
    *("vcr.patch", "numpy", "scipy.stats", "scipy.special", "scipy.optimize", "pandas", "jinja2", "rich.console"),
    *("sklearn.datasets", "sklearn.linear_model", "sklearn.feature_extraction.text", "joblib", "multiprocessing.spawn"),
    *("starlette.applications", "uvicorn", "tokenizers", "tenacity", "filelock", "xml.etree.ElementTree"),
)
#: Models of the SDK that pydantic would build when they are first used.
MODELS = ("HttpOptions", "_GenerateContentParameters", "GenerateContentResponse", "Candidate", "Content", "Part")
_LEAVE = os._exit  # before anybody replaces it
CLIENT = """#!{real} -SIB
import json, os, signal, socket, sys
words = {first} + sys.argv[1:]
while words[:1] == ["-u"]:
    del words[0]
known = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
odd = [name for name in os.environ if name.startswith("PYTHON") and name not in known]
if odd or not words or not words[0].startswith(("-m", "-c")) or "--multiprocessing-fork" in words:
    os.execv({real!r}, [{real!r}, *words])
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
job = dict(words=words, name=sys.argv[0], folder=os.getcwd(), environ=dict(os.environ))
sent = json.dumps(job).encode()
socket.send_fds(server, [len(sent).to_bytes(4, "big")], [0, 1, 2])
server.sendall(sent)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: server.send(bytes([number])))
status = int.from_bytes(server.recv(4), "big", signed=True)
if status < 0:
    if -status not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""
SRC = Path(__file__).resolve().parents[1] / "src"
REWRITE = """
import importlib, pytest, sys

class Plugin:
    def pytest_configure(self):
        for name in sys.argv[1:]:
            importlib.import_module(name)

sys.exit(pytest.main(["evals", "--co", "-q"], plugins=[Plugin()]))
"""
COMMANDS = {
    "python": [],
    "pytest": ["-mpytest"],
    "newsgauge": ["-c", "import sys; from newsgauge.cli.main import main; sys.exit(main())"],
}


def program(name: str) -> str:
    """The path of ``python``, ``pytest`` or ``newsgauge``; the first call of a process starts its server."""
    return str(_folder() / name)


@functools.cache
def _folder() -> Path:
    real = Path(sys.executable)
    _compile()
    if not hasattr(os, "pidfd_open"):
        return real.parent
    folder = Path(tempfile.mkdtemp(prefix="quick-"))  # short: the address of a socket has 100 characters at most
    for name, first in COMMANDS.items():
        (folder / name).write_text(CLIENT.format(real=str(real), first=first, address=str(folder / "server")))
        (folder / name).chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON", "COV"))}
    command = [real, __file__, folder / "server", folder / "python"]
    # It ends with this process, however that ends, as its input is closed then; and removes the folder.
    server = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")  # type: ignore[arg-type]
    atexit.register(server.communicate)
    assert server.stdout is not None
    assert server.stdout.read(1) == b"+", "the server of tests/quick_python.py did not start"
    return folder


def _compile() -> None:
    """Compile newsgauge for Python, and as pytest rewrites it, unless that was done: else each run would do it anew."""
    modules = [path for path in (SRC / "newsgauge").rglob("*.py") if path.stem != "__main__"]
    rewritten = [path.parent / "__pycache__" / (path.stem + PYC_TAIL) for path in modules]
    pairs = zip(modules, rewritten, strict=True)
    if all(there.is_file() and there.stat().st_mtime >= path.stat().st_mtime for path, there in pairs):
        return
    compileall.compile_dir(SRC, quiet=2)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["CI"] = "false"
    names = [".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__") for path in modules]
    command = [sys.executable, "-c", REWRITE, *names]
    subprocess.run(command, cwd=SRC.parent, env=environment, stdout=subprocess.DEVNULL, check=True)


def wait_for_job(address: str) -> dict[str, Any]:
    """Serve for ever; what returns is a child, with the open files of its client as its own."""
    with socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as selector:
        server.bind(address)
        server.listen(64)
        selector.register(server, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        os.write(1, b"+")
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    shutil.rmtree(Path(address).parent, ignore_errors=True)
                    _LEAVE(0)
                if key.fileobj is server:
                    client, _ = server.accept()
                    size, files, _, _ = socket.recv_fds(client, 4, 3)
                    job = _read(client, int.from_bytes(size, "big"))
                    pid = os.fork()
                    if not pid:
                        client.close()
                        for number, file in enumerate(files):
                            os.dup2(file, number, inheritable=True)
                            os.close(file)
                        return job
                    for file in files:
                        os.close(file)
                    process = os.pidfd_open(pid)
                    selector.register(process, selectors.EVENT_READ, (pid, process, client))
                    selector.register(client, selectors.EVENT_READ, (pid, process, client))
                elif key.fileobj is key.data[2]:
                    _pass_signal(selector, *key.data)
                else:
                    _tell_end(selector, *key.data)


def _read(client: socket.socket, size: int) -> dict[str, Any]:
    text = b""
    while len(text) < size:
        text += client.recv(size - len(text))
    job: dict[str, Any] = json.loads(text)
    return job


def _pass_signal(selector: selectors.BaseSelector, pid: int, process: int, client: socket.socket) -> None:
    number = client.recv(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number[0] if number else signal.SIGKILL)
    if not number:  # the client was killed
        selector.unregister(client)


def _tell_end(selector: selectors.BaseSelector, pid: int, process: int, client: socket.socket) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(OSError):
        client.sendall(status.to_bytes(4, "big", signed=True))
    with contextlib.suppress(KeyError):
        selector.unregister(client)
    selector.unregister(process)
    os.close(process)
    client.close()


def run(job: dict[str, Any], python: str) -> None:
    """What the real Python does with these arguments, in this process."""
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environ"])
    sys.executable = python
    sys.dont_write_bytecode = bool(job["environ"].get("PYTHONDONTWRITEBYTECODE"))
    sys.stdout.reconfigure(line_buffering=os.isatty(1) or "PYTHONUNBUFFERED" in os.environ)
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        import coverage

        coverage.process_startup()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started the tests without one
    status = 0
    try:
        _run_words(job)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    _LEAVE(status & 0xFF)


def _run_words(job: dict[str, Any]) -> None:
    kind, *words = job["words"]
    if len(kind) > 2:
        kind, words = kind[:2], [kind[2:], *words]
    paths = [path for path in job["environ"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [job["folder"] if kind == "-m" else "", *paths]
    if kind == "-m":
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        is_command = words[0] == COMMANDS["newsgauge"][1]
        sys.argv = [job["name"] if is_command else "-c", *words[1:]]
        main = sys.modules["__main__"] = ModuleType("__main__")
        main.__builtins__ = __builtins__  # type: ignore[attr-defined]
        exec(words[0], main.__dict__)  # noqa: S102


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose packages are called like some of src
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    types = sys.modules.get("google.genai.types")
    for model in MODELS if types else ():
        getattr(types, model).model_rebuild()
    for module in list(sys.modules.values()):  # or pytest warns that it cannot rewrite what is imported
        if module.__name__.strip("_").startswith(("anyio", "hypothesis", "vcr")):
            module.__doc__ = "PYTEST_DONT_REWRITE"
    gc.freeze()
    run(wait_for_job(sys.argv[1]), sys.argv[2])
