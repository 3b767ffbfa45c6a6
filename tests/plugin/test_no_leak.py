"""In a replay nothing leaves the machine, and whoever tries fails; in a recording no key gets anywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.plugin.fake_service import FakeService

KEY = "AI" + "zaSyPlanted-0123456789abcdefghijklmnop"
RECORD = ["evals", "--backend", "gemini", "--variants", "bare", "--record-mode", "once", "-rA", "--retry-deadline", "0"]

#: What a test may try -> the words that its failure must hold. 192.0.2.1 is reserved for documentation.
TRIES = {
    "connect": ("socket.create_connection(('192.0.2.1', 443), timeout=1)", "to '192.0.2.1'"),
    "loopback": ("socket.create_connection(('127.0.0.1', 9), timeout=1)", "to '127.0.0.1'"),
    "connect_ex": ("s = socket.socket(); s.settimeout(1); s.connect_ex(('192.0.2.1', 443))", "to '192.0.2.1'"),
    "ipv6": ("s = socket.socket(socket.AF_INET6); s.connect(('2001:db8::1', 443))", "to '2001:db8::1'"),
    "datagram": ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))", "to '192.0.2.1'"),
    "lookup": ("socket.getaddrinfo('gemini.example', 443)", "to 'gemini.example'"),
    "old lookup": ("socket.gethostbyname('gemini.example')", "to 'gemini.example'"),
    "reverse lookup": ("socket.gethostbyaddr('192.0.2.1')", "to '192.0.2.1'"),
    "urllib": ("urllib.request.urlopen('http://192.0.2.1/', timeout=1)", "to '192.0.2.1'"),
    "httpx2": ("httpx2.get('https://gemini.example/')", "to 'gemini.example'"),
    "asyncio": ("asyncio.run(asyncio.open_connection('192.0.2.1', 443))", "to '192.0.2.1'"),
    "async lookup": ("asyncio.run(asyncio.open_connection('gemini.example', 443))", "to 'gemini.example'"),
    "async client": ("asyncio.run(httpx2.AsyncClient().get('http://192.0.2.1/'))", "192.0.2.1"),
    "thread": ("t = threading.Thread(target=quietly); t.start(); t.join()", "to '192.0.2.1'"),
    "program": ("subprocess.run(['curl', 'https://gemini.example/'], check=False)", "start of 'curl'"),
    "shell": ("os.system('true gemini.example')", "start of 'true gemini.example'"),
}
HEAD = """
import asyncio, os, socket, subprocess, threading, urllib.request
import httpx2, pytest

def quietly():
    try:
        socket.create_connection(('192.0.2.1', 443), timeout=1)
    except Exception:
        pass
"""


def test_whoever_leaves_the_machine_fails_naming_the_host(project: pytest.Pytester) -> None:
    tests = [HEAD]
    for number, (code, _) in enumerate(TRIES.values()):
        quietly = f"    try:\n        {code}\n    except Exception:\n        pass\n"
        tests += [
            f"def test_open_{number}():\n    {code}\n",
            f"def test_swallowed_{number}():\n{quietly}",
            f"def test_expected_{number}():\n{quietly}    pytest.xfail('so what')\n",
            f"def test_innocent_{number}():\n    pass\n",
        ]
    Path("evals/test_leak.py").write_text("\n".join(tests))
    # What is left open when a connection is refused is not the point here.
    quiet = ["-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
    quiet += ["-W", "ignore::pytest.PytestUnhandledThreadExceptionWarning", "-W", "ignore::RuntimeWarning"]
    result = project.runpytest_subprocess("evals/test_leak.py", "--junitxml=report.xml", *quiet)
    result.assert_outcomes(failed=3 * len(TRIES), passed=len(TRIES))
    failed = {
        case.attrib["name"]: failure.text or ""
        for case in ElementTree.parse("report.xml").iter("testcase")  # noqa: S314  # our own file
        if (failure := case.find("failure")) is not None
    }
    for number, (_, words) in enumerate(TRIES.values()):
        for name in (f"test_open_{number}", f"test_swallowed_{number}", f"test_expected_{number}"):
            assert "NetworkBlockedError" in failed[name], name
            assert words in failed[name], name


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fixture_that_leaves_the_machine_is_an_error(project: pytest.Pytester, when: str) -> None:
    before, after = ("quietly()", "pass") if when == "before" else ("pass", "quietly()")
    Path("evals/test_leak.py").write_text(
        f"{HEAD}\n@pytest.fixture\ndef leak():\n    {before}\n    yield\n    {after}\n\ndef test_it(leak):\n    pass\n"
    )
    result = project.runpytest_subprocess("evals/test_leak.py")
    assert result.ret == 1
    result.assert_outcomes(errors=1, passed=int(when == "after"))
    result.stdout.fnmatch_lines(["*to '192.0.2.1': a replay sends nothing to any network*"])


def test_what_stays_on_the_machine_is_allowed(project: pytest.Pytester) -> None:
    Path("evals/test_local.py").write_text(
        "import asyncio, platform, socket, os\n\ndef test_local(tmp_path):\n    assert platform.architecture()[0]\n"
        "    one, other = socket.socketpair()\n    one.sendall(b'x')\n    assert other.recv(1) == b'x'\n"
        "    one.close()\n    other.close()\n    asyncio.run(asyncio.sleep(0))\n"
        "    pid = os.fork()\n    if not pid:\n        os._exit(7)\n    assert os.waitpid(pid, 0)[1] >> 8 == 7\n"
    )
    project.runpytest_inprocess("evals/test_local.py").assert_outcomes(passed=1)


@pytest.fixture
def service(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    with FakeService() as service:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", service.url)
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        yield service


def kept_text() -> str:
    """Everything that a run leaves behind, hidden files too."""
    files = [path for folder in ("cassettes", ".newsgauge") for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.parametrize(
    "fault", ["400", "401", "403", "429", "500", "503", "reset", "not json", "a list", "echo in the answer"]
)
def test_a_key_that_the_service_repeats_is_nowhere(project: pytest.Pytester, service: FakeService, fault: str) -> None:
    service.fault = fault
    result = project.runpytest_inprocess(*RECORD, "--showlocals", "--junitxml=report.xml", "-o", "log_level=DEBUG")
    assert service.calls
    assert result.ret == 1
    assert result.parseoutcomes()["errors"] == 8, result.stdout.str()
    for text in (result.stdout.str(), result.stderr.str(), kept_text(), Path("report.xml").read_text()):
        assert KEY not in text
    assert "Planted" not in kept_text()
    assert not Path("cassettes/gemini/bundled/bare.jsonl").exists()


def test_a_key_in_a_header_of_the_answer_is_not_kept(project: pytest.Pytester, service: FakeService) -> None:
    service.fault = "echo in a header"
    assert project.runpytest_inprocess(*RECORD).ret == 0
    assert KEY not in kept_text()


@pytest.mark.slow
def test_a_key_does_not_pass_from_workers_to_the_controller(project: pytest.Pytester, service: FakeService) -> None:
    service.fault = "403"
    result = project.runpytest_subprocess(*RECORD, "-n", "2", "--showlocals")
    assert result.ret == 1
    assert KEY not in result.stdout.str() + result.stderr.str() + kept_text()
    assert "API key not valid: [secret]" in result.stdout.str()


def test_a_traceback_that_shows_the_request_shows_no_key(project: pytest.Pytester, service: FakeService) -> None:
    Path("evals/test_crash.py").write_text(
        "import os, pytest\n\ndef test_crash():\n    key = os.environ['GEMINI_API_KEY']\n"
        "    headers = {'x-goog-api-key': key}\n    print('sending', headers)\n"
        "    raise RuntimeError(f'cannot send {headers}')\n"
        "\ndef test_expected():\n    pytest.xfail(os.environ['GEMINI_API_KEY'])\n"
        "\ndef test_skipped():\n    pytest.skip(os.environ['GEMINI_API_KEY'])\n"
    )
    result = project.runpytest_inprocess("evals/test_crash.py", "-rA", "--showlocals")
    result.assert_outcomes(failed=1, xfailed=1, skipped=1)
    assert KEY not in result.stdout.str() + result.stderr.str()
    assert "cannot send {'x-goog-api-key': '[secret]'}" in result.stdout.str()


def test_what_the_sdk_imports_may_start_a_program(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # httpcore2 imports trio where it is installed, and trio asks ldconfig for a library. A stand-in that does likewise:
    lib = project.mkdir("lib")
    (lib / "trio.py").write_text("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''], check=True)\n")
    monkeypatch.setenv("PYTHONPATH", str(lib))
    # The real Python: what is imported already starts nothing.
    result = project.run(sys.executable, "-m", "pytest", "evals", "-p", "no:anyio", "-p", "no:hypothesispytest")
    assert result.ret == 0
    assert "errors" not in result.parseoutcomes()
