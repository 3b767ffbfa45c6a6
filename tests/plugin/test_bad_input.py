"""A mistake on the command line or in a file is a usage error of one or two lines, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge.gates.run_verdict import Guard

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--variants", "bare,tunde"], "*--variants: unknown 'tunde'; known: bare, system, labels, tuned*"),
        (["--variants", ","], "*--variants: expected one or more of bare, system, labels, tuned, got ','*"),
        (["--variants", ""], "*--variants: expected one or more of bare, system, labels, tuned, got ''*"),
        (
            ["--corpus", "reuters"],
            "*--corpus: expected bundled, 20newsgroups, a folder*got 'reuters', which is neither*",
        ),
        (
            ["--corpus", "no/such"],
            "*--corpus: expected bundled*got 'no/such', which is neither a known corpus nor there*",
        ),
        (
            ["--corpus", "evals"],
            "*corpus evals: expected train/<label>/<file> and *found no file in a folder of its own*",
        ),
        (["--classes", "^xyz"], "*--classes: '^xyz' matches none of the 12 labels of bundled test: comp.graphics*"),
        (["--classes", "(rec"], "*--classes: expected a regular expression, got '(rec'*"),
        (
            ["--posts-per-class", "13"],
            "*--posts-per-class: 13 asked for, but sci.med of bundled * 12 in * threads*--allow-threads*",
        ),
        (["--corpus", "evals/variants.toml"], "*--corpus: expected *; got *, which is a file of another kind*"),
        (["--corpus", "no.csv"], "*--corpus: expected a csv file with columns text and label, none at no.csv*"),
        (
            ["--columns", "text=x"],
            "*--columns is about a .csv, .tsv, .jsonl, .parquet file, and --corpus is 'bundled'*",
        ),
        (["--posts-per-class", "0"], "*--posts-per-class: expected 'all', a number from 1, or at-most:N, got '0'*"),
        (
            ["--posts-per-class", "9" * 5000],
            "*--posts-per-class: expected 'all', a number from 1, or at-most:N, got '9*",
        ),
        (["--posts-per-class", "ten"], "*--posts-per-class: expected 'all', a number from 1, or at-most:N, got 'ten'*"),
        (["--backend", "gemini", "--record-mode", "once"], "*needs an API key in GOOGLE_API_KEY or GEMINI_API_KEY*"),
        (["--backend", "vertex", "--record-mode", "once"], "*needs GOOGLE_CLOUD_PROJECT*"),
    ],
)
def test_a_wrong_option_is_a_usage_error(project: pytest.Pytester, options: list[str], words: str) -> None:
    result = project.runpytest_inprocess("evals", *options)
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([words])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert len(result.stderr.str().strip().splitlines()) <= 3


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("variants.toml", "[bare", "*variants.toml: not readable as TOML: Expected*"),
        ("variants.toml", "", "*variants.toml: expected one table per variant, the file is empty*"),
        (
            "variants.toml",
            "[a]\nmodel='m'\nabout='x'\ncontents='no'",
            "*[[]a]: expected 'contents' to hold {post}*once*",
        ),
        (
            "variants.toml",
            "[a]\nmodel='m'\nabout='x'\ncontents='{post}{x}'",
            "*unknown placeholder {x}*known: {labels}*",
        ),
        (
            "variants.toml",
            "[a]\nmodell='m'",
            "*[[]a]: unknown key 'modell'; known: about, repeats, confidence, under, model, contents*",
        ),
        ("variants.toml", "[a]\nmodel=3", "*[[]a]: expected 'model' to be str, got int*"),
        (
            "variants.toml",
            "[a]\nmodel='tuned'\nabout='x'\ncontents='{post}'",
            "*'tuning' and model = \"tuned\" go together*",
        ),
        ("gates.toml", "[embedded", "*gates.toml: not readable as TOML*"),
        ("gates.toml", "[embeded.bundled.bare]", "*[[]embeded]: unknown backend; known: embedded, gemini, vertex*"),
        ("gates.toml", "[embedded.bundled.bear]", "*[[]embedded.bundled.bear]: unknown variant; known: bare, system*"),
        ("gates.toml", "[embedded.bundled.bare]\nmin_acuracy=1", "*unknown limit 'min_acuracy'; known: min_accuracy*"),
        (
            "gates.toml",
            "[embedded.bundled.bare]\nmin_accuracy={limit=75, reason='x'}",
            "*min_accuracy: expected 'limit' from 0 to 1, got 75*",
        ),
        (
            "gates.toml",
            "[embedded.bundled.bare]\nmin_accuracy={limit=0.5}",
            "*min_accuracy: expected { limit, reason } with a non-empty reason*",
        ),
    ],
)
def test_a_damaged_file_is_a_usage_error(project: pytest.Pytester, file: str, text: str, words: str) -> None:
    Path("evals", file).write_text(text)
    result = project.runpytest_inprocess("evals")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([words])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize("file", ["variants.toml", "gates.toml"])
def test_a_missing_file_is_a_usage_error(project: pytest.Pytester, file: str) -> None:
    Path("evals", file).unlink()
    result = project.runpytest_inprocess("evals")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{file}: expected *there is no such file*"])


def test_results_that_cannot_be_written_are_a_usage_error(project: pytest.Pytester) -> None:
    Path("taken").write_text("mine")
    result = project.runpytest_inprocess("evals", "--results", "taken")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["*--results: cannot * *taken: Not a directory"])
    assert Path("taken").read_text() == "mine"


def test_an_absent_corpus_says_what_to_set(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets._twenty_newsgroups as twenty

    def no_network(*args: object, **kwargs: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(project.mkdir("empty")))
    monkeypatch.setattr(twenty, "_download_20newsgroups", no_network)
    result = project.runpytest_inprocess("evals", "--corpus", "20newsgroups")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["*20newsgroups: not in *empty and not downloadable*", "*Set SCIKIT_LEARN_DATA*"])


@pytest.mark.parametrize("backend", ["gemini", "vertex"])
def test_a_config_that_the_sdk_sends_to_another_backend_only_is_refused_before_anything_is_asked(
    project: pytest.Pytester, backend: str
) -> None:
    field = {"gemini": "routing_config = {}", "vertex": "enable_enhanced_civic_answers = true"}[backend]
    file = project.path / "evals" / "variants.toml"
    text = file.read_text()
    file.write_text(text.replace('contents = "{post}"', f'contents = "{{post}}"\nconfig = {{ {field} }}', 1))
    result = project.runpytest_inprocess("evals", "--backend", backend, "--variants", "bare")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*variants.toml: [[]bare]: config: not for --backend {backend}: *"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def full(path: Path, data: object, **options: object) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_results_that_a_full_disk_does_not_take_are_one_red_line(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    conclude = Guard.conclude

    def fill_and_conclude(*arguments: object, **options: object) -> object:
        monkeypatch.setattr("newsgauge._util.files.replace_file", full)
        return conclude(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Guard, "conclude", fill_and_conclude)
    result = project.runpytest_inprocess("evals")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["newsgauge: red: --results: cannot write *: No space left on device"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_case_whose_result_a_full_disk_does_not_take_is_an_error_in_one_line(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsgauge.running.results_log._encode", lambda result: full(Path("log"), b""))
    result = project.runpytest_inprocess("evals", "--variants", "bare")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*--results: cannot write *: No space left on device*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
