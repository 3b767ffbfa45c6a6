"""A key or a text that is planted anywhere is shown and written nowhere: no output, log, report, cache or record."""

from __future__ import annotations

import io
import json
import logging
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from newsgauge import Case, Post, Prediction
from newsgauge._util.secrets import find_secrets, hide_secrets, redact_output
from newsgauge.cli.main import main
from newsgauge.records import Outcome, RawPost, Result, Wire
from tests.plugin.conftest import VARIANTS

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvPLANTEDAgEAMIIEvPLANTEDAgEAMIIEvPLANTEDAgEA\n-----END PRIVATE KEY-----\n"
ACCOUNT = {
    "type": "service_account",
    "private_key_id": "planted1d9f8e7d6c5b",
    "private_key": PEM,
    "client_email": "planted-robot@project.iam.gserviceaccount.com",
}
#: What is planted -> the part of it that may be nowhere. The first ones are known by their shape.
SHAPES = {
    "Google key": ("AI" + "zaSyPlanted-0123456789abcdefghijklmnop", "Planted-0123"),
    "AI Studio key": ("AQ" + ".PlantedPlanted0123456789abc", "PlantedPlanted"),
    "gateway key": ("s" + "k-planted1234567890abcdef", "planted1234567890"),
    "project key": ("s" + "k-proj-planted_AbCdEf0123456789", "planted_AbCdEf"),
    "password in a URL": ("https://joe:plantedpw@gateway.example/v1", "plantedpw"),
    "password with signs": ("https://joe:planted@pw:x@gateway.example/v1", "planted@pw"),
    "token in a URL": ("https://plantedtoken@gateway.example/v1", "plantedtoken"),
    "proxy": ("http://corp%5Cjoe:plantedproxy@10.0.0.1:3128", "plantedproxy"),
    "database": ("postgresql+psycopg://app:planteddb@db/evals", "planteddb"),
    "account as JSON": (json.dumps(ACCOUNT), "MIIEvPLANTED"),
    "account id": (json.dumps(ACCOUNT), "planted1d9f8e7d"),
    "account address": (json.dumps(ACCOUNT), "planted-robot"),
    "account as Python": (repr(ACCOUNT), "MIIEvPLANTED"),
    "key file": (PEM, "MIIEvPLANTED"),
    "basic header": ("Authorization: Basic cGxhbnRlZDpwbGFudGVk", "cGxhbnRlZ"),
    "bearer header": ("authorization: Bearer planted.token-0123456789", "planted.token"),
    "OAuth": ("ya29" + ".planted0123456789", "planted0123"),
    "refresh token": ('{"refresh_token": "1//planted-refresh"}', "planted-refresh"),
    "password with a slash": ("http://joe:planted/pw-1@host:9", "planted/pw"),
    "token in a query": ("https://host/v1?a=b&access_token=planted-0001", "planted-0001"),
    "Slack webhook": ("https://hooks.slack" + ".com/services/T00/B00/plantedplanted", "plantedplanted"),
    "Discord webhook": ("https://discord.com/api" + "/webhooks/123/planted-hook_1", "planted-hook"),
    "Teams webhook": ("https://x.webhook.office" + ".com/webhookb2/planted-team/a", "planted-team"),
    "GitHub": ("gh" + "p_plantedplantedplantedplanted012345", "plantedplanted"),
}
#: Variables of the environment -> what of their values may be nowhere.
VALUES = {
    "GEMINI_API_KEY": ("planted without a shape", "planted without a shape"),
    "LITELLM_MASTER_KEY": ("planted-value-0001", "planted-value-0001"),
    "SOME_SERVICE_TOKEN": ("planted-value-0002", "planted-value-0002"),
    "OPENAI_API_KEY_PROD": ("planted-value-0003", "planted-value-0003"),
    "GH_PAT": ("planted-value-0004", "planted-value-0004"),
    "SECRET_KEY_BASE": ("planted-value-0005", "planted-value-0005"),
    "HF_TOKEN": ("planted-value-0006\r\n", "planted-value-0006"),
    "QUOTED_KEY": ("'planted-value-0007' ", "planted-value-0007"),
    "DB_PWD": ("plantedquietly", "plantedquietly"),
    "PASSPHRASE": ("planted horse staple", "planted horse staple"),
    "ALERT_WEBHOOK_URL": ("https://alerts.example/planted-0008", "https://alerts.example/planted-0008"),
    "ACCENTED_PASSWORD": ('plantéd & "wörd"', 'plantéd & "wörd"'),
    "http_proxy": ("joe:planted-value-9@proxy:3128", "planted-value-9"),
    "PGPASSWORD": ("plantedword", "plantedword"),
    "HTTPS_PROXY": ("http://joe:planted%2Fproxy@10.0.0.1:3128", "planted/proxy"),
    "GOOGLE_CREDENTIALS": (json.dumps(ACCOUNT), "planted1d9f8e7d6c5b"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_secret_is_known_by_its_shape(kind: str) -> None:
    text, part = SHAPES[kind]
    hidden = hide_secrets(f"before {text} after", environ={})
    assert part not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert find_secrets(text, environ={})
    for colour in ("\x1b[33m", repr("\x1b[1;33m")[1:-1], "#x1B[0m"):
        assert part not in hide_secrets(f"before{colour}{text}\x1b[0m after", environ={})


@pytest.mark.parametrize("name", VALUES)
def test_a_secret_of_the_environment_is_known_by_its_value(name: str) -> None:
    value, part = VALUES[name]
    environ = {name: value}
    shows = (part, repr(part), ascii(part), repr(part.encode()), json.dumps([part]), f"x{part}x", escape(part))
    for shown in (*shows, json.dumps(part, ensure_ascii=False), quote_plus(part)):
        assert shown.strip("'\"[]bx") not in hide_secrets(shown, environ=environ)
    assert f"value of {name}" in find_secrets(f"what {part} says", environ=environ)
    coloured = f"\x1b[1m{part[:4]}\x1b[0m\x1b[33m{part[4:]}\x1b[39;49;00m"  # as the parts of a difference are
    assert "[secret]" in hide_secrets(f"E   {coloured}", environ=environ)
    assert f"value of {name}" in find_secrets(coloured, environ=environ)


def test_the_secrets_of_a_credentials_file_are_known_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(ACCOUNT))
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    for line in (*PEM.splitlines()[1:2], ACCOUNT["private_key_id"]):
        assert hide_secrets(f"E   {line}", environ=environ) == "E   [secret]"


@pytest.mark.parametrize(
    "text",
    [
        "sci.space -> sci.med",
        "https://example.org:8080/path?a=b@c",
        "https://[::1]:8080/@joe",
        "https://example.org/@joe:more@else",
        "mail joe@example.org: see https://example.org/",
        "scikit-learn's sk-learn-is-a-library-name",
        "a risk-free task-based approach",
        "PASS  tuned: accuracy 75.0% >= 50.0%",
        '{"key": "sci.space-60862", "variant": "tuned"}',
        "the basic understanding of a bear",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    ordinary = {"PATH": "/usr/bin", "SSH_AUTH_SOCK": "/run/agent", "CACHE_KEY": "tuned", "MY_TOKEN": "", "DB_PASS": "x"}
    ordinary |= {"PWD": "PASS  tuned", "KEY_FILE": "evals2/key1.json", "TOKENIZERS_PARALLELISM": "accuracy 0.7500"}
    assert hide_secrets(text, environ=ordinary) is text
    assert find_secrets(text, environ=ordinary) == []


@pytest.mark.parametrize("text", ["a" * 200_000, "MIIE" * 50_000 + "-----", "a.b-" * 50_000 + "@", "\\n" * 100_000])
def test_long_texts_take_no_long_time(text: str) -> None:
    start = time.process_time()
    hide_secrets(f"sk- bearer ://{text} private key----- gserviceaccount.com", environ={})
    assert time.process_time() - start < 5  # a pattern that tries all ways to split it would take for ever


WRITTEN_IN_PIECES: dict[str, list[Any]] = {
    "bytes": [b"a planted-value-0001 z"],
    "text, then bytes": ["a planted-", b"value-0001", " z"],
    "three pieces": ["a pl", "anted-value-", "0001 z"],
    "one by one": [*"a planted-value-0001 z"],
    "bytes in a view": [memoryview(b"a planted-val"), bytearray(b"ue-0001 z")],
    "flushed between": ["a planted-va", None, "lue-0001 z"],
    "no secret after all": ["a planted-va", "se z"],
    "a short beginning is shown at a flush": ["a pla", None],
    "no text at all": [b"a \xff\xfe z"],
}


@pytest.mark.parametrize("kind", WRITTEN_IN_PIECES)
@pytest.mark.parametrize("buffering", [{}, {"line_buffering": True}, {"write_through": True}], ids=str)
def test_a_secret_in_bytes_or_in_pieces_is_known(
    kind: str, buffering: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", "planted-value-0001")
    bytes_below = io.BytesIO()
    stream = io.TextIOWrapper(bytes_below, "utf-8", **buffering)
    monkeypatch.setattr("sys.stdout", stream)
    end = redact_output()
    shown = {"no secret after all": b"a planted-vase z", "no text at all": b"a \xff\xfe z"}
    shown["a short beginning is shown at a flush"] = b"a pla"
    for piece in WRITTEN_IN_PIECES[kind]:
        if piece is None:
            stream.flush()
        elif isinstance(piece, str):
            stream.write(piece)
        else:
            stream.flush()
            assert stream.buffer.write(piece) == len(piece)
    stream.flush()
    assert bytes_below.getvalue() == shown.get(kind, b"a [secret] z")
    end()
    stream.write("planted-value-0001")
    stream.flush()
    assert bytes_below.getvalue().endswith(b"planted-value-0001")


def test_no_record_shows_a_text_in_its_repr() -> None:
    said = Prediction("planted answer", Outcome.OFF_LIST, "planted detail", 1, 1, "model")
    post = Post("sci.space-1", "sci.space", "planted text")
    for record in (
        post,
        Case(post, "tuned"),
        RawPost("sci.space", "1", "planted raw"),
        said,
        Result("sci.space-1", "tuned", "sci.space", said),
        Wire("POST", "https://planted.example/x?key=planted", b"planted body", 200, b"planted answer"),
    ):
        assert "planted" not in repr(record)


PLANTS = [text for text, _ in SHAPES.values()]
PARTS = sorted({part for _, part in (*SHAPES.values(), *VALUES.values())})
TESTS = f"""
import logging, os, sys, warnings
import pytest

VALUES = {list(VALUES)!r}
PLANTS = {PLANTS!r} + [os.environ[name] for name in VALUES]
ALL = "\\n".join(PLANTS)
log = logging.getLogger("evals")

@pytest.fixture
def broken():
    raise RuntimeError(ALL)

@pytest.fixture
def breaks():
    yield
    raise RuntimeError(ALL)

@pytest.mark.parametrize("key", [*PLANTS, PLANTS[0].encode()])
def test_parametrized(key):
    assert key != key

def test_logged():
    for text in PLANTS:
        log.warning("asking with %s", text)
        print(text)
        print(text, file=sys.stderr)
    sys.stdout.buffer.write(ALL.encode())
    sys.stdout.buffer.flush()
    try:
        raise RuntimeError(ALL)
    except RuntimeError:
        log.exception("no answer")
    for text in PLANTS:
        assert text
    assert not PLANTS[2]

def test_chain():
    try:
        raise KeyError(ALL)
    except KeyError as error:
        raise ValueError(PLANTS) from error

def test_warned():
    warnings.warn(ALL)

def test_noted(record_property, record_testsuite_property, record_xml_attribute):
    record_property("key", ALL)
    record_property("config", dict(keys=PLANTS))
    record_property("bytes", ALL.encode())
    record_property(PLANTS[0], 1)
    record_testsuite_property("endpoint", ALL)
    record_testsuite_property(PLANTS[0], "endpoint")
    record_xml_attribute("classname", ALL)
    record_xml_attribute("endpoint", ALL)
    print(ascii(ALL), ALL.encode())
    error = ValueError("noted")
    error.add_note(ALL)
    raise error

def test_subtests(subtests):
    with subtests.test(ALL, key=PLANTS[0]):
        assert PLANTS[2] == PLANTS[3]

def test_setup(broken): pass
def test_teardown(breaks): pass
def test_expected(): pytest.xfail(ALL)
def test_skipped(): pytest.skip(ALL)
def test_failed(): pytest.fail(ALL, pytrace=False)
def test_thread():
    import threading
    def work(): raise RuntimeError(ALL)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
def test_taken_out():
    keys = [os.environ.pop(name) for name in VALUES]
    assert not keys
"""
SAY = f"import os\nALL = chr(10).join({PLANTS!r} + [os.environ[name] for name in {list(VALUES)!r}])\n"
#: Another plugin, which writes what its hooks are given: as allure, json-report, csv and reportlog do.
OTHER = """
import pytest

def note(*told):
    with open("other.log", "a") as file:
        file.write("\\n".join(map(str, told)) + "\\n")

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    note(report.longreprtext, report.sections, item._report_sections, report.user_properties)
    if call.excinfo:
        error = call.excinfo.value
        note(call.excinfo.exconly(), repr(error.__cause__), getattr(error, "__notes__", ""))
    return report

def pytest_runtest_logreport(report):
    note(report._to_json())

def pytest_warning_recorded(warning_message):
    note("a warning:", warning_message)

def pytest_exception_interact(call):
    note(call.excinfo.exconly())
"""
RUNS = {
    "everything in tests": ({"evals/test_leak.py": TESTS, "conftest.py": OTHER}, []),
    "on two workers": ({"evals/test_leak.py": TESTS}, ["-n", "2"]),
    "junit as of old": ({"evals/test_leak.py": TESTS}, ["-o", "junit_family=xunit1", "--debug=debug.log"]),
    "live logs": ({"evals/test_leak.py": TESTS}, ["-o", "log_cli=true", "-s", "--tb=native"]),
    "import of an eval": ({"evals/test_leak.py": SAY + "raise RuntimeError(ALL)\n", "conftest.py": OTHER}, []),
    "import of a conftest": ({"conftest.py": SAY + "print(ALL)\nraise RuntimeError(ALL)\n"}, []),
    "usage error": (
        {"conftest.py": SAY + "import pytest\nprint(ALL)\ndef pytest_configure():\n    raise pytest.UsageError(ALL)\n"},
        [],
    ),
    "internal error": ({"conftest.py": SAY + "def pytest_runtest_logreport():\n    raise RuntimeError(ALL)\n"}, []),
    "exit": ({"evals/conftest.py": SAY + "import pytest\ndef pytest_runtest_setup():\n    pytest.exit(ALL)\n"}, []),
    "end of the process": (
        {"conftest.py": SAY + "import atexit\n\n@atexit.register\ndef late():\n    raise RuntimeError(ALL)\n"},
        [],
    ),
    "own log file": (
        {
            "evals/test_leak.py": SAY + "import logging\n\ndef test_it():\n    log = logging.getLogger('own')\n"
            "    log.addHandler(logging.FileHandler('own.log'))\n    log.error(ALL)\n    log.handlers[0].close()\n",
            "evals/variants.toml": VARIANTS.replace(
                "Name the newsgroup", f"Use {SHAPES['gateway key'][0]}, name the group"
            ),
        },
        [],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_a_secret_is_nowhere(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, run: str
) -> None:
    for name, (value, _) in VALUES.items():
        monkeypatch.setenv(name, value)
    config = Path("pyproject.toml")
    config.write_text(config.read_text().replace('"-p", "no:cacheprovider", ', "").replace('["error"]', '["default"]'))
    files, options = RUNS[run]
    planted = {Path(path).resolve() for path in files}
    for path, text in files.items():
        Path(path).write_text(text)
    always = ["-rA", "--showlocals", "--junitxml=report.xml", "--log-file=run.log", "-o", "junit_logging=all"]
    always += ["-o", "log_level=DEBUG", "-o", "log_file_level=DEBUG", "-p", "no:newsgauge.none"]
    result = project.runpytest_subprocess("evals", *always, *options)
    kept = {
        path: path.read_bytes().decode("utf-8", "replace")
        for path in project.path.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.resolve() not in planted and "fixtures" not in path.parts
    }
    kept |= {Path("stdout"): result.stdout.str(), Path("stderr"): result.stderr.str()}
    shown = [(path.name, part) for path, text in kept.items() for part in PARTS if part in text]
    assert shown == []
    said = result.stdout.str() + result.stderr.str() + (Path("own.log").read_text() if run == "own log file" else "")
    assert "[secret]" in said


def test_a_value_that_an_option_refuses_is_not_shown(project: pytest.Pytester) -> None:
    key, part = SHAPES["gateway key"]
    result = project.runpytest_inprocess("evals", "--backend", key)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*argument --backend: expected one of embedded, gemini, vertex, got '[[]secret]'"])
    assert part not in result.stdout.str() + result.stderr.str()


def test_an_id_that_holds_a_secret_is_refused(project: pytest.Pytester) -> None:
    key, part = SHAPES["gateway key"]
    Path("evals/test_leak.py").write_text(
        f"import pytest\n\n@pytest.mark.parametrize('x', [pytest.param(1, id='{key}')])\ndef test_it(x):\n    pass\n"
    )
    result = project.runpytest_inprocess("evals/test_leak.py")
    assert result.ret == 4
    assert "test_it[[secret]]: the id of this test holds a secret" in result.stderr.str()
    assert part not in result.stdout.str() + result.stderr.str()


RECORDS = (["classify", "a text"], ["models"], ["record", "--yes"], ["record", "--yes", "--batch"])
#: Each shows what it was given, as a mistake; URL is no address of this machine, and is not asked.
COMMANDS = [
    ["models", "--base-url", "URL"],
    ["models", "--base-url", "FTP"],
    ["classify", "a text", "--variant", "KEY"],
    ["classify", "a text", "--base-url", "URL"],
    *([*command, "--base-url", url] for command in RECORDS for url in ("BARE", "SLASH")),
    ["tune", "list", "--base-url", "URL"],
    ["tune", "list", "--backend", "KEY"],
    ["record", "--variants", "KEY"],
    ["record", "--base-url", "FTP"],
    ["compare", "KEY", "URL"],
    ["report", "KEY"],
    ["merge", "KEY", "URL"],
    ["cassettes", "show", "KEY"],
    ["serve", "--port", "KEY"],
    ["power", "--baseline", "KEY"],
    ["init", "somewhere", "--csv", "URL"],
    ["doctor", "--root", "KEY"],
    ["KEY"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command))
def test_no_command_shows_a_secret(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    key, key_part = SHAPES["project key"]
    monkeypatch.setenv("GEMINI_API_KEY", key)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    given = {"KEY": key, "URL": "http://joe:plantedpw@gateway.example/v1", "FTP": "ftp://joe:plantedpw@gateway.example"}
    given |= {"BARE": "joe:plantedpw@host:9", "SLASH": "http://joe:plantedpw/slash@host:9"}
    with suppress(SystemExit):
        main([given.get(word, word) for word in command])
    shown = "".join(capsys.readouterr())
    assert shown
    assert key_part not in shown
    assert "plantedpw" not in shown


def test_what_is_redacted_stays_itself_and_is_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    before = (sys.stdout, sys.stderr, logging.Handler.format)
    main(["power", "--baseline", "0.85", "--difference", "0.05"])
    assert (sys.stdout, sys.stderr, logging.Handler.format) == before
    assert "write" not in vars(sys.stdout)
