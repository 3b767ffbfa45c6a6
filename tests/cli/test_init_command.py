"""`newsgauge init` writes a project whose first run is green, and never writes over anything."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from newsgauge.cli.commands import init
from newsgauge.cli.main import main
from newsgauge.gates.gates_file import load_gates
from newsgauge.variants.variants_file import load_variants
from tests.quick_python import program

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("how-to / question", "Lob & Dank", "fehler")


def write_table(path: Path, *, rows: int = 12, header: str = "body,team,nr", extra: str = "") -> Path:
    """Labels with blanks and signs, three of them; each text names a word of its own label."""
    lines = [
        f'"text {n} about {label.split()[0].lower()} {word}","{label}",{n}'
        for label, word in zip(LABELS, ("how", "danke", "kaputt"), strict=True)
        for n in range(rows)
    ]
    path.write_text("\n".join([header, *lines, *([extra] if extra else [])]) + "\n", "utf-8")
    return path


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "CI" and "PYTEST" not in key}
    command = [program("python"), "-m", "pytest", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("clean")
def test_without_a_table_a_sample_is_written_and_the_first_run_is_green(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["init", str(tmp_path / "new")]) == 0
    said = capfd.readouterr().out
    assert f"written: {tmp_path / 'new' / 'data' / 'tickets.csv'}" in said
    assert "green: these are the embedded backend's answers, not Gemini's" in said
    done = run_pytest(tmp_path / "new", "--require-gates")
    assert done.returncode == 0, done.stdout
    assert "4 labels = 40 texts" in done.stdout
    monkeypatch.chdir(tmp_path / "new")
    assert main(["cassettes", "check"]) == 0
    assert main(["cassettes", "verify"]) == 0
    # Commands without pytest know the project's corpus, too.
    assert main(["record"]) == 0
    assert "160 of 160 planned cases are recorded in cassettes/embedded/tickets" in capfd.readouterr().out
    assert main(["classify", "A question of billing", "--variant", "labels", "--no-second"]) == 0
    assert "billing" in capfd.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("clean")
def test_a_table_with_other_columns_and_unusual_labels_is_green_too(tmp_path: Path) -> None:
    write_table(tmp_path / "mine.csv")
    code = main(["init", str(tmp_path), "--csv", str(tmp_path / "mine.csv"), "--columns", "text=body,label=team,id=nr"])
    assert code == 0
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "corpus mine, 6 texts of each of 3 labels = 18 texts" in done.stdout


@pytest.mark.usefixtures("clean")
def test_a_configuration_that_is_there_is_left_alone_and_what_to_add_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "mine.csv", header="text,label,nr")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest]\nstrict = true\n")
    (tmp_path / ".gitignore").write_text("mine\n")
    assert main(["init", str(tmp_path), "--csv", str(tmp_path / "mine.csv"), "--no-record", "--ci", "gitlab"]) == 0
    said = capsys.readouterr().out
    assert "pyproject.toml, below its line [tool.pytest]:\n" in said
    assert '  newsgauge_corpus = "mine.csv"\n  newsgauge_columns = "split=auto"\n' in said
    assert "  .newsgauge/\n" in said
    assert (tmp_path / "pyproject.toml").read_text() == "[tool.pytest]\nstrict = true\n"
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert not (tmp_path / "pytest.ini").exists()
    assert (tmp_path / ".gitlab-ci.yml").is_file()
    assert not (tmp_path / ".github").exists()
    # What was printed is what a run needs.
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest]\nstrict = true\n" + "".join(line[2:] + "\n" for line in said.splitlines() if "= " in line)
    )
    assert "corpus mine, 6 texts" in run_pytest(tmp_path, "evals", "--co").stdout


@pytest.mark.parametrize(
    ("files", "place", "value"),
    [
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\n"},
            "pyproject.toml, below its line [tool.pytest.ini_options]",
            1,
        ),
        ({"pyproject.toml": "[tool.ruff]\n"}, "pyproject.toml:\n  [tool.pytest]", 1),
        ({"pyproject.toml": "", "tox.ini": "[pytest]\n"}, "tox.ini, below its line [pytest]", 0),
        ({"setup.cfg": "[metadata]\n"}, "setup.cfg:\n  [tool:pytest]", 0),
        ({"pytest.ini": "", "pyproject.toml": "[tool.pytest]\n"}, "pytest.ini:\n  [pytest]", 0),
    ],
)
def test_what_to_add_goes_to_the_file_and_the_table_that_pytest_reads(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], files: dict[str, str], place: str, value: int
) -> None:
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    assert main(["init", "--no-record", "--ci", "none"]) == 0
    _, told, lines = capsys.readouterr().out.partition(f"to add to {place}")
    assert told
    assert ('newsgauge_corpus = "data/tickets.csv"' in lines) == bool(value)
    with (pytester.path / place.split(",")[0].split(":")[0]).open("a") as file:
        file.write(
            f"{place.partition(chr(10))[2].strip()}\n" + lines.replace(":\n", "", 1).replace("\n  ", "\n").strip()
        )
    assert pytester.parseconfigure().getini("newsgauge_corpus") == "data/tickets.csv"


def test_what_to_add_is_said_after_the_run_that_fills_a_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(*_: object, is_configured: bool) -> int:
        print("a screen of scores")
        return int(is_configured)

    monkeypatch.setattr(init, "_record", record)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest]\n")
    (tmp_path / ".gitignore").write_text("mine\n.newsgauge/\n")
    (tmp_path / ".gitattributes").write_text("evals/** -text\n")
    assert main(["init", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    # Only what git's files lack.
    assert f"to add to {tmp_path / '.gitignore'}:\n  __pycache__/\nto add to" in said
    assert ("  cassettes/** -text\n" in said, "  evals/** -text\n" in said) == (True, False)
    assert said.index("a screen of scores") < said.index("to add to ") < said.index("newsgauge_corpus = ")


def sorted_mails(root: Path) -> Path:
    for label, word in (("ham", "lunch"), ("spam", "prize")):
        (root / label).mkdir(parents=True)
        for n in range(12):
            head = f"From: a@b.example\nSubject: {word} number {n}\n"
            (root / label / f"{n}.eml").write_text(f"{head}\nA {word} is waiting, number {n}.\n")
    return root


@pytest.mark.slow
@pytest.mark.usefixtures("clean")
def test_a_folder_of_mails_becomes_a_project_whose_first_run_is_green(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--data", str(sorted_mails(tmp_path / "mails"))]) == 0
    done = run_pytest(tmp_path, "--require-gates")
    assert done.returncode == 0, done.stdout
    assert "corpus mails, 6 mails of each of 2 labels = 12 mails" in done.stdout


@pytest.mark.usefixtures("clean")
def test_a_hugging_face_jsonl_needs_no_columns_and_its_suspect_labels_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"sentence": f"{label} text number {n}", "label": n % 2, "label_text": label}
        for label in ("billing", "login")
        for n in range(12)
    ]
    rows += [{**rows[3], "label_text": "login"}, {**rows[4], "label_text": "Login"}, {**rows[5], "label_text": "Login"}]
    rows += [{"sentence": f"more {n}", "label": 1, "label_text": "Login"} for n in range(9)]
    (tmp_path / "hf.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["init", str(tmp_path), "--data", str(tmp_path / "hf.jsonl"), "--no-record"]) == 0
    said = capsys.readouterr().out
    assert "columns: text=sentence,label=label_text (another choice: --columns)" in said
    assert "warning: labels that differ only in how they are written are classes of their own: 'Login', 'login'" in said
    assert "warning: texts that appear under two labels, so one of them is wrong: 3" in said
    assert "the same text under billing, login: billing-4 (" in said
    assert "corpus hf, at most 10 texts of each of 3 labels = 19 texts" in run_pytest(tmp_path, "evals", "--co").stdout


@pytest.mark.usefixtures("clean")
def test_labels_of_very_different_frequency_become_a_plan_that_takes_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = [400, 200, 90, *range(60, 20, -2), 5]
    rows = [f"text {n} of section {place},section {place:02}" for place, size in enumerate(sizes) for n in range(size)]
    table = tmp_path / "packages.csv"
    table.write_text("\n".join(["text,label", *rows]) + "\n")
    assert main(["init", str(tmp_path), "--data", str(table), "--no-record"]) == 0
    assert "newsgauge_posts_per_class = at-most:10\n" in (tmp_path / "pytest.ini").read_text()
    said = run_pytest(tmp_path, "evals", "--co", "--variants", "bare").stdout
    assert "newsgauge: corpus packages, at most 10 texts of each of 24 labels = 233 texts" in said
    assert "sample: at most 10 of each label; fewer of section 23 3; in the data section 00 has 200 of" in said
    said = run_pytest(tmp_path, "evals", "--co", "--variants", "bare", "--sample", "proportional:100").stdout
    assert "newsgauge: corpus packages, 24 labels in the data's own mix = 100 texts" in said


def test_data_outside_of_the_repository_is_told_and_copied_if_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_table(tmp_path / "mine.csv", header="text,label,nr")
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    assert main(["init", str(tmp_path / "repository" / "inner"), "--data", str(table), "--no-record"]) == 0
    said = capsys.readouterr().out
    assert f"note: {table} is outside the repository, where CI will not find it" in said
    assert "note: CI reads its workflows at the root of the repository only" in said
    assert "let their steps run in inner" in said
    assert main(["init", str(tmp_path / "copied"), "--data", str(table), "--no-record", "--copy"]) == 0
    assert "note:" not in capsys.readouterr().out
    assert (tmp_path / "copied" / "data" / "mine.csv").read_bytes() == table.read_bytes()
    assert "newsgauge_corpus = data/mine.csv\n" in (tmp_path / "copied" / "pytest.ini").read_text()
    inside = write_table(tmp_path / "repository" / "mine.csv", header="text,label,nr")
    assert (
        main(["init", str(tmp_path / "repository" / "other"), "--data", str(inside), "--no-record", "--ci", "none"])
        == 0
    )
    assert "note:" not in capsys.readouterr().out


@pytest.mark.parametrize("there", ["evals/gates.toml", "cassettes/PLANS.toml", ".github/workflows/evals.yml"])
def test_nothing_is_written_where_one_file_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str
) -> None:
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert str(tmp_path / there) in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_write_that_fails_leaves_nothing_so_that_the_same_command_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def half(source: Path, target: Path) -> None:
        target.write_text("text,lab")
        raise OSError(28, "No space left on device")

    table, new = write_table(tmp_path / "mine.csv"), tmp_path / "new"
    new.mkdir()
    (new / "cassettes").write_text("a file where a folder is to be")
    own = ["init", str(new), "--data", str(table), "--columns", "text=body,label=team", "--no-record"]
    assert main(own) == 2
    assert f"init: cannot write {new / 'cassettes' / 'PLANS.toml'}: " in capsys.readouterr().err
    with monkeypatch.context() as full:
        full.setattr("shutil.copy", half)
        assert main([*own, "--copy"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [path for path in new.rglob("*") if path.is_file()] == [new / "cassettes"]
    (new / "cassettes").unlink()
    assert main([*own, "--copy"]) == 0


@pytest.mark.parametrize(
    ("arguments", "rows", "extra", "message"),
    [
        (["--columns", "text=body"], 12, "", "expected a column 'label', found 'body', 'team', 'nr'"),
        (["--columns", "text=body,label=team"], 12, '"",fehler,1', "row 37: expected a text and a label"),
        (["--columns", "text=body,label=team"], 12, "one,rare,1", "'rare' has 0 and 1"),
        (["--columns", "text=body,label=team"], 1, "", "too few rows: expected 2 to train on and 2 to test with"),
        (["--columns", "text=nr,label=nr"], 2, "", "too few rows"),
    ],
)
def test_a_table_that_cannot_be_asked_about_is_told_before_anything_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    rows: int,
    extra: str,
    message: str,
) -> None:
    table = write_table(tmp_path / "mine.csv", rows=rows, extra=extra)
    assert main(["init", str(tmp_path / "new"), "--csv", str(table), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_table_is_called_as_it_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "mine.csv", rows=1)
    assert main(["init", "new", "--csv", "mine.csv", "--columns", "text=body,label=team"]) == 2
    assert capsys.readouterr().err.startswith("newsgauge: mine.csv: too few rows")


def test_a_file_that_is_no_table_and_columns_without_a_table_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path), "--csv", str(tmp_path / "absent.csv")]) == 2
    assert (
        "--data: expected a .csv, .tsv, .jsonl, .parquet file or a folder with texts and labels, none at"
        in capsys.readouterr().err
    )
    (tmp_path / "mine.xlsx").touch()
    assert main(["init", str(tmp_path), "--csv", str(tmp_path / "mine.xlsx")]) == 2
    assert f"texts and labels, got {tmp_path / 'mine.xlsx'}" in capsys.readouterr().err
    assert main(["init", str(tmp_path), "--columns", "text=body"]) == 2
    assert "--columns, --encoding and --delimiter are about the file of --data" in capsys.readouterr().err


def test_the_limits_are_what_guessing_gives(tmp_path: Path) -> None:
    table = write_table(tmp_path / "a b.csv", header="text,label,nr")
    assert main(["init", str(tmp_path), "--csv", str(table), "--no-record"]) == 0
    variants = load_variants(tmp_path / "evals" / "variants.toml")
    assert list(variants) == ["bare", "zero-shot", "labels", "tuned"]
    path = tmp_path / "evals" / "gates.toml"
    load_gates(path, backend="embedded", corpus="a-b", known=variants)
    table_of_gates = tomllib.loads(path.read_text("utf-8"))
    assert table_of_gates["embedded"]["a-b"]["tuned"]["min_accuracy"]["limit"] == pytest.approx(1 / 3, abs=1e-4)
    assert table_of_gates["gemini"]["a-b"]["labels"]["min_accuracy"]["limit"] == pytest.approx(1 / 3, abs=1e-4)


def test_the_gates_file_is_that_of_this_project() -> None:
    template = ROOT / "src" / "newsgauge" / "cli" / "templates" / "test_gates.py.txt"
    assert template.read_text("utf-8") == (ROOT / "evals" / "test_gates.py").read_text("utf-8")


def test_without_the_packages_of_the_embedded_backend_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("newsgauge.client.embedded.find_spec", lambda name: None if name == "wordllama" else name)
    assert main(["init", str(tmp_path / "project")]) == 2
    message = "init needs the embedded backend, and wordllama is not installed: pip install 'newsgauge[embedded]'"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "project").exists() or not list((tmp_path / "project").iterdir())
