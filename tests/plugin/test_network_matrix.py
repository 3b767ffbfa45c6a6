"""Every road out of a replay is closed, from the import of the first conftest.py to the last handler at exit.

The other side is a server of this test's own on loopback, which is no exception: no byte may arrive there.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.quick_python import program

pytestmark = pytest.mark.slow


class Listener:
    """Counts what connects, and what is sent on connections."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self.received = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                self.received += data

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


#: What any file of the evals folder may begin with.
HEAD = """
import os, socket, subprocess, sys, threading, time
PORT = {port}

def leave():
    with socket.create_connection(("127.0.0.1", PORT), timeout=2) as s:
        s.sendall(b"leak")

def quietly(do=leave):
    try:
        do()
    except Exception:
        pass
"""
PROGRAM = "import socket; socket.create_connection(('127.0.0.1', {port}), timeout=2).sendall(b'leak')"

#: Roads of a test -> words of its failure. Each is tried openly and with the refusal swallowed.
ROADS = {
    "connect": ("leave()", "to '127.0.0.1'"),
    "server": ("socket.create_server(('127.0.0.1', 0))", "listen to '127.0.0.1'"),
    "server for all": ("socket.create_server(('', 0))", "listen to '0.0.0.0'"),
    "async server": (
        "import asyncio; asyncio.run(asyncio.start_server(print, '127.0.0.1', 0))",
        "listen to '127.0.0.1'",
    ),
    "syslog": ("import syslog; syslog.syslog('leak')", "to 'syslog'"),
    "C type": ("import _socket; s = _socket.socket(); s.connect(('127.0.0.1', PORT)); s.send(b'leak')", "connect to"),
    "posix_spawn": (
        "os.waitpid(os.posix_spawn(sys.executable, [sys.executable, '-c', PROGRAM], os.environ), 0)",
        "start of",
    ),
    "fork_exec": (
        "import _posixsubprocess as p; r, w = os.pipe()\n    fork_exec(p, w)",
        "start of",
    ),
    "spawnv": ("os.spawnv(os.P_WAIT, sys.executable, [sys.executable, '-c', PROGRAM])", "start of"),
    "fork": ("fork(leave)", "to '127.0.0.1'"),
    "fork and exec": ("fork(program)", "start of"),
    "forkpty": ("fork(program, lambda: os.forkpty()[0])", "start of"),
    "popen": ("os.popen('true').read()", "start of"),
    "fork context": ("process('fork')", "to '127.0.0.1'"),
    "spawn context": ("process('spawn')", "or the start method 'fork'"),
    "forkserver": ("process('forkserver')", "or the start method 'fork'"),
    "loky": (
        "import joblib; joblib.Parallel(n_jobs=2)(joblib.delayed(len)(text) for text in ('one', 'two'))",
        "use n_jobs=1, threads",
    ),
    "subinterpreter": (
        "import _xxsubinterpreters as i; n = i.create(); i.run_string(n, PROGRAM)",
        "start of a subinterpreter",
    ),
    "testing module": ("import _testcapi; _testcapi.run_in_subinterp(PROGRAM)", "import of _testcapi"),
    "C loop": (  # what uvloop is: a package with an extension that connects by itself
        "os.makedirs('uvloop', exist_ok=True); open('uvloop/loop.py', 'w').close(); sys.path.insert(0, '.')\n"
        "    import uvloop.loop",
        "import of uvloop.loop",
    ),
    "ctypes": (
        "import ctypes; c = ctypes.CDLL(None); c.connect(c.socket(2, 1, 0), b'', 0)",
        "use of connect()",
    ),
    "ctypes handle": (
        "import _ctypes, ctypes; _ctypes.dlsym(ctypes.CDLL(None)._handle, 'connect')",
        "use of connect()",
    ),
    "ctypes alias": ("import ctypes; ctypes.CDLL(None)['__connect']", "use of __connect()"),
    "ctypes fork": ("import ctypes; ctypes.CDLL(None)['_Fork']", "use of _Fork()"),
    "frames": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "socket of the family 17"),
    "C frames": ("import _socket; _socket.socket(29, 3, 1)", "socket of the family 29"),
    "harmless words": (
        "subprocess.run(['uname', '-p'], executable='/bin/bash', input=b'true')",
        "start of '/bin/bash'",
    ),
    "harmless fork_exec": (
        "import _posixsubprocess as p; r, w = os.pipe()\n    fork_exec(p, w, ['uname', '-p'])",
        "start of 'uname'",
    ),
    "another uname": (
        "os.makedirs('bin', exist_ok=True); os.path.exists('bin/uname') or os.symlink('/bin/true', 'bin/uname')\n"
        "    subprocess.run(['uname', '-p'], env={'PATH': 'bin'})",
        "start of 'uname'",
    ),
    "git of a test": ("subprocess.run(['git', 'status'])", "start of 'git'"),
    "anyio": (
        "import anyio, functools\n    anyio.run(functools.partial(anyio.connect_tcp, '127.0.0.1', PORT))",
        "to '127.0.0.1'",
    ),
    "anyio in a thread": (
        "import anyio\n    async def go():\n        s = socket.socket()\n"
        "        await anyio.to_thread.run_sync(s.connect, ('127.0.0.1', PORT))\n    anyio.run(go)",
        "to '127.0.0.1'",
    ),
    "anyio in the background": (
        "import anyio\n    async def go():\n        async with anyio.create_task_group() as group:\n"
        "            group.start_soon(anyio.connect_tcp, '127.0.0.1', PORT)\n"
        "    t = threading.Thread(target=lambda: quietly(lambda: anyio.run(go))); t.start(); t.join()",
        "to '127.0.0.1'",
    ),
    "async httpx2": (
        "import asyncio, httpx2\n"
        "    asyncio.run(httpx2.AsyncClient().post(f'http://127.0.0.1:{PORT}/', content=b'leak'))",
        "to '127.0.0.1'",
    ),
    "async SDK": (
        "import asyncio; from google import genai\n"
        "    client = genai.Client(api_key='k', http_options={'base_url': f'http://127.0.0.1:{PORT}'})\n"
        "    asyncio.run(client.aio.models.generate_content(model='m', contents='leak'))",
        "to '127.0.0.1'",
    ),
    "ctypes system": ("import ctypes; ctypes.CDLL(None)['system'](b'true')", "use of system()"),
    "unix socket": ("socket.socket(socket.AF_UNIX).connect('/run/some.sock')", "connect to '/run/some.sock'"),
    "thread": ("t = threading.Thread(target=quietly); t.start(); t.join()", "to '127.0.0.1'"),
    "executor": (
        "from concurrent.futures import ThreadPoolExecutor as T\n    with T() as t:\n"
        "        t.submit(quietly).result()",
        "to '127.0.0.1'",
    ),
    "processes": (
        "from concurrent.futures import ProcessPoolExecutor as P; import multiprocessing as m\n"
        "    with P(1, m.get_context('spawn')) as p:\n        p.submit(quietly).result()",
        "start of",
    ),
}
HELPERS = """
def program():
    os.execv(sys.executable, [sys.executable, '-c', PROGRAM])

def fork(do, fork=os.fork):
    pid = fork()
    if not pid:
        try:
            do()
        finally:
            os._exit(7)
    os.waitpid(pid, 0)

def fork_exec(p, w, words=(sys.executable, "-c", PROGRAM)):
    p.fork_exec(list(words), [sys.executable.encode()], True, (), None, None,
                -1, -1, -1, -1, -1, -1, -1, w, False, False, -1, None, None, None, -1, None, False)

def process(kind):
    import multiprocessing
    child = multiprocessing.get_context(kind).Process(target=quietly)
    child.start()
    child.join()
"""


def test_no_test_gets_out_by_any_road(project: pytest.Pytester, listener: Listener) -> None:
    lines = [HEAD.format(port=listener.port), f"PROGRAM = {PROGRAM.format(port=listener.port)!r}", HELPERS]
    for number, (code, _) in enumerate(ROADS.values()):
        quiet = code.replace("\n    ", "\n        ")
        lines.append(f"def test_open_{number}():\n    {code}\n")
        lines.append(
            f"def test_quiet_{number}():\n    try:\n        {quiet}\n    except BaseException:\n        pass\n"
        )
        lines.append(f"def test_innocent_{number}():\n    pass\n")
    Path("evals/test_leak.py").write_text("\n".join(lines))
    result = project.runpytest_subprocess("evals/test_leak.py", "--junitxml=report.xml", "-W", "ignore")
    failed = {
        case.attrib["name"]: failure.text or ""
        for case in ElementTree.parse("report.xml").iter("testcase")  # noqa: S314  # our own file
        if (failure := case.find("failure")) is not None
    }
    for number, (road, (_, words)) in enumerate(ROADS.items()):
        for name in (f"test_open_{number}", f"test_quiet_{number}"):
            assert words in failed.get(name, ""), f"{road}: {name}"
        assert f"test_innocent_{number}" not in failed, road
    assert result.ret == 1
    assert listener.connections == 0


TEST = "def test_it():\n    pass\n"
LATE = "atexit.register(quietly)\n"
#: Where in a project code runs that is no test -> its files, and whether the run is red for it.
PLACES = {
    "import of an eval": ({"evals/test_leak.py": "leave()\n" + TEST}, True),
    "quiet import of an eval": ({"evals/test_leak.py": "quietly()\n" + TEST}, True),
    "conftest of the root": ({"conftest.py": "leave()\n"}, True),
    "quiet conftest of the root": ({"conftest.py": "quietly()\n"}, True),
    "conftest of the evals": ({"evals/conftest.py": "quietly()\n"}, True),
    "program in a conftest": ({"conftest.py": "quietly(lambda: subprocess.run(['true']))\n"}, True),
    "conftest further down": (
        {"evals/deep/conftest.py": "quietly()\n", "evals/deep/test_deep.py": HEAD + TEST},
        True,
    ),
    "generate_tests": ({"evals/conftest.py": "def pytest_generate_tests(metafunc):\n    quietly()\n"}, True),
    "session fixture": (
        {
            "conftest.py": "import pytest\n@pytest.fixture(scope='session', autouse=True)\ndef it():\n"
            "    quietly()\n    yield\n"
        },
        True,
    ),
    "end of a session fixture": (
        {
            "conftest.py": "import pytest\n@pytest.fixture(scope='session', autouse=True)\ndef it():\n"
            "    yield\n    quietly()\n"
        },
        True,
    ),
    "configure": ({"conftest.py": "def pytest_configure(config):\n    leave()\n"}, True),
    "sessionfinish": ({"conftest.py": "def pytest_sessionfinish():\n    quietly()\n"}, False),
    "unconfigure": ({"conftest.py": "def pytest_unconfigure():\n    quietly()\n"}, False),
    "cleanup": ({"conftest.py": "def pytest_configure(config):\n    config.add_cleanup(quietly)\n"}, False),
    "exit handler of a conftest": ({"conftest.py": "import atexit\n" + LATE}, False),
    "exit handler of a test": ({"evals/test_leak.py": "import atexit\ndef test_it():\n    " + LATE}, False),
    "thread that outlives the run": (
        {
            "evals/test_leak.py": "def late():\n    threading.main_thread().join(4)\n    quietly()\n\n"
            "def test_it():\n    threading.Thread(target=late).start()\n"
        },
        False,
    ),
    "destructor at exit": (
        {"evals/test_leak.py": "class Late:\n    def __del__(self):\n        quietly()\n\nkept = Late()\n" + TEST},
        False,
    ),
    "child that outlives the run": (
        {
            "evals/test_leak.py": "def test_it():\n    run = os.getpid()\n    if not os.fork():\n"
            "        while os.getppid() == run:\n            time.sleep(0.05)\n"
            "        quietly()\n        open('tried', 'w').close()\n        os._exit(0)\n"
        },
        False,
    ),
}


@pytest.mark.parametrize("hook", ["pytest_configure_node", "pytest_xdist_setupnodes", "pytest_xdist_newgateway"])
@pytest.mark.parametrize("do", ["quietly()", "quietly(lambda: subprocess.run([sys.executable, '-c', PROGRAM]))"])
def test_no_hook_gets_out_while_workers_are_started(
    project: pytest.Pytester, listener: Listener, hook: str, do: str
) -> None:
    Path("evals/conftest.py").write_text(
        HEAD.format(port=listener.port)
        + f"PROGRAM = {PROGRAM.format(port=listener.port)!r}\n\ndef {hook}():\n    open('ran', 'w').close()\n    {do}\n"
    )
    result = project.runpytest_subprocess("evals", "-n", "2")
    assert Path("ran").exists()
    assert listener.connections == 0
    assert "newsgauge: re" in result.stdout.str()


#: A plugin that is installed, as a library too; what it does in a hook of its own -> whether it may.
PLUGINS = {
    "reads git": ("subprocess.check_output(['git', 'rev-parse', 'HEAD'])", True),
    "fetches by git": ("subprocess.check_output(['git', 'fetch'])", False),
    "another program": ("subprocess.check_output(['true'])", False),
    "talks to itself": ("socket.create_connection(('127.0.0.1', {port})).close()", True),
    "talks by asyncio": ("import asyncio; asyncio.run(asyncio.open_connection('127.0.0.1', {port}))", False),
}


@pytest.mark.parametrize("does", PLUGINS)
def test_an_installed_plugin_may_read_git_and_talk_to_itself(
    project: pytest.Pytester, listener: Listener, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    code, may = PLUGINS[does]
    packages = project.mkdir("lib") / "site-packages"
    packages.mkdir()
    (packages / "pytest_made.py").write_text(
        f"import socket, subprocess\n\ndef pytest_sessionstart():\n    {code.format(port=listener.port)}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(packages))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    result = project.runpytest_subprocess("-p", "pytest_made", "evals", "-W", "ignore")
    assert (result.ret == 0) == may
    assert listener.connections == (may and "itself" in does)


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["serial", "-n 2"])
@pytest.mark.parametrize("place", PLACES)
def test_no_other_code_of_the_project_gets_out(
    project: pytest.Pytester, listener: Listener, place: str, options: list[str]
) -> None:
    files, is_red = PLACES[place]
    for path, text in files.items():
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(HEAD.replace("{port}", str(listener.port)) + text.replace("{port}", str(listener.port)))
    if not any(path.endswith(("leak.py", "deep.py")) for path in files):
        Path("evals/test_leak.py").write_text(TEST)
    target = "evals/deep" if "deep" in place or "further" in place else "evals/test_leak.py"
    # The real Python takes its modules down at the end, which calls destructors.
    python = sys.executable if place.startswith("destructor") else program("python")
    result = project.run(python, "-m", "pytest", target, "-W", "ignore", *options)
    deadline = time.monotonic() + 30
    while place.startswith("child") and not Path("tried").exists():
        assert time.monotonic() < deadline, "the child did not outlive the run"
        time.sleep(0.05)
    assert listener.connections == 0
    said = result.stdout.str() + result.stderr.str()
    if is_red:
        assert result.ret != 0
        assert "to '127.0.0.1'" in said or "start of 'true'" in said
    else:
        assert result.ret == 0, said


def test_a_connection_from_before_the_run_carries_nothing(project: pytest.Pytester, listener: Listener) -> None:
    lib = project.mkdir("lib")
    (lib / "early.py").write_text(
        f"import socket\nconnection = socket.create_connection(('127.0.0.1', {listener.port}))\n"
    )
    Path("evals/test_leak.py").write_text(
        "import early, os, _socket\n\n"
        "def test_send():\n    early.connection.sendall(b'leak')\n\n"
        "def test_write():\n    os.write(early.connection.fileno(), b'leak')\n\n"
        "def test_c_type():\n    _socket.socket.send(early.connection, b'leak')\n\n"
        "def test_copy():\n    with early.connection.dup() as copy:\n        copy.sendall(b'leak')\n\n"
        "def test_read():\n    assert early.connection.recv(1) == b''\n"
    )
    result = project.runpytest_subprocess("-p", "early", "evals/test_leak.py", "-o", "pythonpath=lib")
    result.assert_outcomes(failed=4, passed=1)
    assert listener.connections == 1
    assert listener.received == b""


def test_a_function_that_slices_posts_reaches_nothing(project: pytest.Pytester, listener: Listener) -> None:
    Path("evals/my_slices.py").write_text(
        HEAD.format(port=listener.port) + "def by_word(text):\n    quietly()\n    return 'the' in text\n"
    )
    gates = Path("evals/gates.toml")
    gates.write_text(gates.read_text() + "[slices]\nown = { function = 'my_slices:by_word' }\n")
    assert project.runpytest_subprocess("evals").ret != 0
    assert listener.connections == 0


def test_what_the_project_allows_is_reached_and_nothing_else(project: pytest.Pytester, listener: Listener) -> None:
    Path("evals/test_local.py").write_text(
        HEAD.format(port=listener.port) + "def test_it():\n    leave()\n\ndef test_named():\n"
        "    socket.create_connection(('localhost', PORT), timeout=2).close()\n\n"
        "def test_other():\n    socket.create_connection(('192.0.2.1', PORT), timeout=2)\n"
    )
    allow = ("-o", "newsgauge_allow_hosts=127.0.0.1 example.test")
    result = project.runpytest_subprocess("evals/test_local.py", *allow)
    result.assert_outcomes(passed=2, failed=1)
    assert listener.connections == 2


def test_tests_of_other_folders_may_use_network_and_programs(project: pytest.Pytester, listener: Listener) -> None:
    Path("tests").mkdir()
    shared = HEAD.format(port=listener.port) + f"PROGRAM = {PROGRAM.format(port=listener.port)!r}\n"
    Path("tests/test_unit.py").write_text(
        shared + "subprocess.run(['true'], check=True)\nheld = socket.create_connection(('127.0.0.1', PORT))\n\n"
        "def test_one():\n    leave()\n    threads = [threading.Thread(target=leave)]\n    threads[0].start()\n"
        "    threads[0].join()\n    subprocess.run([sys.executable, '-c', PROGRAM], check=True)\n"
        "    held.sendall(b'first')\n\n"
    )
    Path("evals/test_between.py").write_text(
        "import gc, socket\n\ndef test_between():\n"
        "    for one in gc.get_objects():\n"
        "        if isinstance(one, socket.socket) and one.family == socket.AF_INET:\n"
        "            try:\n                one.sendall(b'leak')\n            except OSError:\n                pass\n"
    )
    Path("tests/test_zlast.py").write_text(
        "import test_unit\n\ndef test_last():\n    test_unit.held.sendall(b'last')\n"
    )
    result = project.runpytest_subprocess("tests/test_unit.py", "evals/test_between.py", "tests/test_zlast.py")
    result.assert_outcomes(passed=3)
    assert listener.connections == 4
    assert b"first" in listener.received
    assert b"last" in listener.received
    assert listener.received.count(b"leak") == 3


def test_a_program_that_calls_pytest_has_its_network_back_afterwards(
    project: pytest.Pytester, listener: Listener
) -> None:
    Path("evals/test_leak.py").write_text(
        HEAD.format(port=listener.port) + "def late():\n    while not os.path.exists('over'):\n"
        "        time.sleep(0.05)\n    quietly()\n    quietly(threading.Thread(target=quietly).start)\n"
        "    open('tried', 'w').close()\n\n"
        "def test_it():\n    threading.Thread(target=late).start()\n"
    )
    Path("host.py").write_text(
        HEAD.format(port=listener.port) + "import pytest\nheld = socket.create_connection(('127.0.0.1', PORT))\n"
        "code = pytest.main(['evals/test_leak.py', '-q'])\nopen('over', 'w').close()\nheld.sendall(b'back')\nleave()\n"
        "subprocess.run(['true'], check=True)\n"
        "while not os.path.exists('tried'):\n    time.sleep(0.05)\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "host.py"], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert listener.connections == 2
    assert listener.received in (b"backleak", b"leakback")


def test_a_recording_run_is_not_blocked(project: pytest.Pytester, listener: Listener) -> None:
    Path("evals/test_local.py").write_text(HEAD.format(port=listener.port) + "leave()\n\ndef test_it():\n    leave()\n")
    result = project.runpytest_subprocess("evals/test_local.py", "--record-mode", "once")
    result.assert_outcomes(passed=1)
    assert listener.connections == 2


def test_in_a_network_namespace_nothing_native_gets_out(project: pytest.Pytester, listener: Listener) -> None:
    allowed = subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode == 0
    Path("evals/test_local.py").write_text(
        HEAD.format(port=listener.port) + "import pytest\n\ndef test_it():\n"
        f"    with pytest.raises(ConnectionRefusedError):\n        leave()\n    assert os.getuid() == {os.getuid()}\n"
    )
    options = ["--network-namespace", "-o", "newsgauge_allow_hosts=127.0.0.1"]
    result = project.runpytest_subprocess("evals/test_local.py", *options)
    if not allowed:
        assert result.ret == 4
        assert "newsgauge: --network-namespace: this machine does not allow one" in result.stderr.str()
        pytest.skip("this machine allows no network namespaces")
    result.assert_outcomes(passed=1)
    assert listener.connections == 0
    green = project.runpytest_subprocess("evals", "--network-namespace", "-n", "2")
    assert green.ret == 1  # the test above expects no loopback, and finds it blocked
    assert "tuned-beats-bare" in green.stdout.str()
