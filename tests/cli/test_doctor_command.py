"""`newsgauge doctor` says what is here and what would work, and no key's value."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest

from newsgauge._util.pytest_ini import Folders
from newsgauge.cli import diagnosis
from newsgauge.cli.diagnosis import diagnose
from newsgauge.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    *("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "CI"),
    *("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "HTTPS_PROXY", "https_proxy"),
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))


def fact(name: str, root: Path = ROOT) -> str:
    (text,) = [one.text for facts in diagnose(Folders(root)).facts.values() for one in facts if one.name == name]
    return text


def why_not(name: str, root: Path = ROOT) -> str:
    (text,) = [one.why_not for one in diagnose(Folders(root)).abilities if one.name == name]
    return text


def test_this_checkout_can_replay_and_its_folders_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--root", str(ROOT)]) == 0
    said = capsys.readouterr().out
    assert " variants: bare, zero-shot, " in said
    assert "embedded/bundled (" in said
    assert "baselines/embedded/bundled.json" in said
    assert " planned cases, all recorded" in said


def test_an_empty_folder_cannot_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--root", str(tmp_path)]) == 1
    assert (
        "replay                            no: evals/variants.toml, evals/gates.toml, cassettes, corpus: see above"
        in (capsys.readouterr().out)
    )
    assert fact("evals/variants.toml", tmp_path).endswith(
        "there is no such file. Go to the project's folder, or make a project: newsgauge init"
    )


def test_recording_takes_a_project_but_no_cassettes(tmp_path: Path) -> None:
    lacking = "evals/variants.toml, evals/gates.toml, corpus: see above"
    assert why_not("record from the embedded backend", tmp_path) == lacking
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    shutil.copytree(ROOT / "evals", tmp_path / "evals", ignore=shutil.ignore_patterns("__pycache__"))
    assert why_not("record from the embedded backend", tmp_path) == ""
    assert why_not("replay", tmp_path) == "cassettes: see above"


def test_a_damaged_variants_file_forbids_replay_and_is_named(tmp_path: Path) -> None:
    for name in ("evals", "cassettes", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    assert why_not("replay", tmp_path) == ""
    (tmp_path / "evals" / "variants.toml").write_text("[bare\n")
    assert why_not("replay", tmp_path) == "evals/variants.toml: see above"


def test_a_callable_that_is_not_there_forbids_replay_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # modules are looked for in the project's folders
    for name in ("evals", "cassettes", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    with (tmp_path / "evals" / "variants.toml").open("a") as file:
        file.write('\n[own]\nabout = "x"\nmodel = "m"\npredict = "nowhere_to_be_found:ask"\n')
    assert why_not("replay", tmp_path) == "evals/variants.toml: see above"
    assert "[own]: expected a module 'nowhere_to_be_found'" in fact("evals/variants.toml", tmp_path)


def test_no_value_of_a_key_or_password_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "first-value")
    monkeypatch.setenv("GEMINI_API_KEY", "second-value")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "third-value")
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:fourth-value@localhost:1")
    monkeypatch.setenv(
        "GOOGLE_GEMINI_BASE_URL", "http://someone:fifth-value@localhost:8000/sixth-value?key=seventh-value"
    )
    main(["doctor", "--root", str(ROOT)])
    said = capsys.readouterr().out
    assert "-value" not in said
    assert "someone" not in said
    assert "http://localhost:8000" in said
    assert fact("both keys") == "GOOGLE_API_KEY wins"
    assert fact("proxies") == "HTTPS_PROXY set"


def test_what_is_missing_for_gemini_and_vertex_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "needs an API key in GOOGLE_API_KEY or GEMINI_API_KEY, none is set" in why_not("record from Gemini")
    assert "GOOGLE_CLOUD_PROJECT" in why_not("tune on Vertex")
    assert "no credentials of Google Cloud" in why_not("record from Vertex")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    (tmp_path / "application_default_credentials.json").write_text("{}")
    assert why_not("record from Gemini") == ""
    assert why_not("record from Vertex") == ""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    assert why_not("record from Vertex") == "GOOGLE_APPLICATION_CREDENTIALS names no file"
    monkeypatch.setenv("CI", "true")
    assert "--allow-record-in-ci" in why_not("record from Gemini")
    assert why_not("replay") == ""


def test_a_package_that_is_absent_or_too_old_forbids_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "requires", lambda _: ["vcrpy<1", "no-such-package>=3", "later ; extra == 'x'"])
    assert why_not("replay") == "vcrpy, no-such-package: see above"
    assert fact("no-such-package") == "not installed, >=3 is needed"


def test_no_connection_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("doctor opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert main(["doctor", "--root", str(ROOT)]) == 0


@pytest.fixture
def own_project(tmp_path: Path) -> Path:
    """A project that init made of the user's own table, its cassettes in place."""
    (tmp_path / "data.csv").write_text("id,text,label\n" + "".join(f"{n},text {n},{'ab'[n % 2]}\n" for n in range(8)))
    (tmp_path / "pytest.ini").write_text("[pytest]\nnewsgauge_corpus = data.csv\nnewsgauge_posts_per_class = 2\n")
    for name in ("evals", "cassettes"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "PLANS.toml"))
    return tmp_path


def test_the_projects_corpus_is_named_and_without_it_nothing_works(own_project: Path) -> None:
    assert fact("corpus", own_project) == "data: a run asks 4 texts of 2 labels"
    assert why_not("replay", own_project) == ""
    (own_project / "data.csv").unlink()
    assert "data.csv" in fact("corpus", own_project)
    assert why_not("replay", own_project) == "corpus: see above"
    assert why_not("record from the embedded backend", own_project) == "corpus: see above"


def test_a_planned_case_without_a_recording_forbids_replay_and_the_command_that_records_it_is_named(
    own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the four texts nothing is recorded: the file that is there holds lines of others, ended by git."""
    (own_project / "cassettes/PLANS.toml").write_text(
        '[[plan]]\ncorpus = "data.csv"\nposts_per_class = 2\nvariants = "labels"\n'
    )
    lines = (own_project / "cassettes/embedded/bundled/labels.jsonl").read_bytes()
    changed = own_project / "cassettes/embedded/data/labels.jsonl"
    changed.parent.mkdir()
    changed.write_bytes(lines.replace(b"\n", b"\r\n"))
    assert "of which 1 with CRLF line endings" in fact("cassettes", own_project)
    monkeypatch.chdir(own_project)
    said = fact("cassettes/PLANS.toml", own_project)
    assert said == "4 cases not recorded: pytest evals --variants labels --record-mode new_episodes"
    assert why_not("replay", own_project) == "cassettes/PLANS.toml: see above"
    assert why_not("record from the embedded backend", own_project) == ""


def test_where_nothing_can_be_written_a_run_is_told_to_write_elsewhere(
    own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # as on a read-only file system
    assert why_not("replay", own_project) == ""
    (own_project / ".newsgauge/results").mkdir(parents=True)
    (own_project / ".newsgauge/results/gates.json").write_text("{}")
    assert why_not("replay", own_project) == ".newsgauge cannot be written here: pytest evals --results DIR"
    assert why_not("tune on the embedded backend", own_project) == ".newsgauge cannot be written here"
    assert "cassettes cannot be written here" in why_not("record from the embedded backend", own_project)


def test_a_damaged_cache_of_20_newsgroups_is_no_yes(
    tmp_path: Path, own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    (tmp_path / "20news-bydate_py3.pkz").write_bytes(b"cut")
    (own_project / "pytest.ini").write_text("[pytest]\nnewsgauge_corpus = 20newsgroups\n")
    assert why_not("ask about 20 Newsgroups", own_project) == "damaged: see above"
    assert why_not("replay", own_project) == "corpus: see above"
