"""Callables of the user's own in a whole run: what they ask is recorded and replayed, what they break is an error."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

CASSETTES = Path("cassettes/embedded/bundled")
HEAD = """
from google.genai import errors
from google.genai.types import GenerateContentConfig

CLASSIFY = GenerateContentConfig(system_instruction="Reply with the name of the newsgroup and nothing else.")


def own(text, client, *, labels, model):
    def ask(question, config=CLASSIFY):
        return client.models.generate_content(model=model, contents=question, config=config)
"""
TWICE = (
    HEAD
    + """
    first = ask(text[:1500])
    return ask("Is it " + first.text + "? Here is the mail in capitals.\\n\\n" + text.upper())
"""
)


def write(body: str) -> None:
    Path("evals/own_technique.py").write_text(body if body.startswith("\nfrom") else HEAD + body)
    Path("evals/variants.toml").write_text(
        '[own]\nabout = "of one\'s own"\nmodel = "gemini-3.5-flash-lite"\npredict = "own_technique:own"\n'
    )
    Path("evals/gates.toml").write_text(
        '[embedded.bundled.own]\nmax_error_rate = { limit = 0.0, bound = "value", reason = "nothing is refused" }\n'
    )


def lines() -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in (CASSETTES / "own.jsonl").read_text().splitlines()]


def results() -> list[dict[str, str]]:
    """The rows, but for how long each live call took."""
    import csv

    with Path(".newsgauge/results/results.csv").open(newline="") as file:
        return [{**row, "latency_ms": ""} for row in csv.DictReader(file)]


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_what_a_callable_asks_is_recorded_and_replayed(project: pytest.Pytester, processes: tuple[str, ...]) -> None:
    write(TWICE)
    assert project.runpytest_subprocess("evals", "--record-mode", "once", *processes).ret == 0
    asked = results()
    assert len(lines()) == 16
    before = (CASSETTES / "own.jsonl").read_bytes()
    replayed = project.runpytest_subprocess("evals", *processes)
    assert replayed.ret == 0
    replayed.stdout.fnmatch_lines(["PASS  own*"])
    assert results() == asked
    assert (CASSETTES / "own.jsonl").read_bytes() == before
    both = {}  # type: ignore[var-annotated]
    for line in lines():
        usage = line["response"]["body"]["usageMetadata"]
        post = line["key"].partition("~")[0]
        both[post] = both.get(post, 0) + usage["promptTokenCount"]
    assert {row["id"]: int(row["input_tokens"]) for row in asked} == both


def test_the_gate_alone_recomputes_every_call(project: pytest.Pytester) -> None:
    write(TWICE)
    assert project.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    assert project.runpytest_inprocess("evals", "-k", "gate").ret == 0
    assert {row["origin"] for row in results()} == {"gate"}


def test_the_cassette_passes_the_check_and_can_be_shown_and_pruned(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from google import genai

    from newsgauge.cassettes.blocked_attempts import take_attempts
    from newsgauge.cli.main import main

    write(TWICE)
    assert project.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    for other in ("bare", "system", "labels", "tuned"):
        (CASSETTES / f"{other}.jsonl").unlink()
    Path("cassettes/PLANS.toml").write_text(
        '[[plan]]\nabout = "all"\nclasses = "^sci.(space|med)$"\nposts_per_class = 4\n'
    )
    capsys.readouterr()
    assert main(["cassettes", "check"]) == 0, capsys.readouterr().out
    assert main(["cassettes", "verify"]) == 0
    assert "8 planned cases replayed, 0 without an answer" in capsys.readouterr().out
    key = lines()[0]["key"]
    assert main(["cassettes", "show", key]) == 0
    out = capsys.readouterr().out
    assert f"{key}~2\n" in out
    assert "Here is the mail in capitals." in out
    assert main(["cassettes", "stats"]) == 0
    assert "8 cases of 16 calls" in capsys.readouterr().out
    assert main(["cassettes", "prune"]) == 0
    assert len(lines()) == 16

    del sys.modules["own_technique"]
    sends = """
    import socket, threading, time
    def send():
        time.sleep(wait)
        with socket.socket() as other:
            other.connect_ex(("127.0.0.1", 9))
    def try_to_send():
        try:
            send()
        except Exception as error:
            refused.append(str(error))
"""
    for wait, way in ((0.0, "try_to_send()"), (0.2, "threading.Thread(target=try_to_send).start()")):
        write(
            TWICE.replace("    first =", f"{sends}    refused, wait = errors.refused, {wait}\n    {way}\n    first =")
        )
        refused: list[str] = []
        monkeypatch.setattr(genai.errors, "refused", refused, raising=False)
        here = set(threading.enumerate())
        # What a callable tries is told, even if it catches the refusal, and what it leaves behind is refused too.
        assert main(["cassettes", "verify"]) == (0 if wait else 1)
        del sys.modules["own_technique"]
        for thread in set(threading.enumerate()) - here:
            thread.join(5)
        take_attempts()
        assert len(refused) == 8
        assert all("a replay sends nothing to any network" in words for words in refused)


def test_a_changed_callable_is_stale_where_its_requests_changed(project: pytest.Pytester) -> None:
    write(TWICE)
    assert project.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    same = TWICE.replace("first =", "one =").replace("first.text", "one.text")
    write(same)
    assert project.runpytest_inprocess("evals").ret == 0
    write(TWICE.replace("Here is", "There is"))
    changed = project.runpytest_inprocess("evals")
    assert changed.ret == 1
    changed.stdout.fnmatch_lines(
        ["*own.jsonl:2: variant 'own' changed since it was recorded: call 2: prompt: *--record-mode new_episodes"]
    )
    assert project.runpytest_inprocess("evals", "--record-mode", "new_episodes").ret == 0
    assert project.runpytest_inprocess("evals").ret == 0
    assert len(lines()) == 16


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "    return None\n",
            "expected own_technique:own to return a label as str, or the response * got None (a resp*",
        ),
        ("    return 3\n", "expected own_technique:own to return a label as str, or the response * got int"),
        ("    return labels\n", "* got tuple"),
        (
            "    raise KeyError(text)\n",
            "own_technique:own raised KeyError: [[]a message that quotes the post] (own_technique.py:11)",
        ),
        ("    return {}[1]\n", "own_technique:own raised KeyError: 1 (own_technique.py:11)"),
    ],
)
def test_what_a_callable_breaks_is_an_error_of_its_case(project: pytest.Pytester, body: str, words: str) -> None:
    write(body)
    result = project.runpytest_inprocess("evals", "--record-mode", "once", "--require-gates")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*{words}"])
    assert "Traceback" not in result.stdout.str()
    assert all(row["broken"] for row in results())
    assert {row["prediction"] for row in results()} == {""}
    assert not (CASSETTES / "own.jsonl").exists()


def test_a_callable_that_asks_nobody_needs_no_recording_and_takes_no_tokens(project: pytest.Pytester) -> None:
    write("    return labels[0] if 'orbit' in text else labels[-1]\n")
    assert project.runpytest_inprocess("evals").ret == 0
    assert {row["model_version"] for row in results()} == {"no call (own_technique:own)"}
    assert {row["input_tokens"] for row in results()} == {"0"}
    assert not (CASSETTES / "own.jsonl").exists()


def test_a_blocked_answer_that_is_handed_on_counts_as_an_error_of_the_model(project: pytest.Pytester) -> None:
    write(
        "    return ask(text, GenerateContentConfig(max_output_tokens=1, system_instruction='Name the newsgroup.'))\n"
    )
    result = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert result.ret == 1  # the gate
    assert {row["outcome"] for row in results()} == {"cut"}


def test_a_refusal_of_the_service_is_an_error_with_its_words(project: pytest.Pytester) -> None:
    write("    return ask(text, GenerateContentConfig(temperature=9.0))\n")
    result = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*gemini-3.5-flash-lite: 400 INVALID_ARGUMENT*temperature*"])
    assert not (CASSETTES / "own.jsonl").exists()


def test_a_callable_that_leaves_the_machine_by_another_way_fails_in_a_replay(project: pytest.Pytester) -> None:
    write(
        "    import urllib.request\n    try:\n        urllib.request.urlopen('http://127.0.0.1:9')\n"
        "    except Exception:\n        pass\n    return labels[0]\n"
    )
    result = project.runpytest_inprocess("evals")
    assert result.ret == 1
    assert {row["prediction"] for row in results()} == {""}
    result.stdout.fnmatch_lines(["*getaddrinfo to '127.0.0.1': a replay sends nothing to any network*"])


def test_the_async_client_is_recorded_too(project: pytest.Pytester) -> None:
    write(
        "    import asyncio\n"
        "    async def both():\n"
        "        ask = client.aio.models.generate_content\n"
        "        return await asyncio.gather(*(ask(model=model, contents=text, config=CLASSIFY) for _ in range(2)))\n"
        "    return asyncio.run(both())[1]\n"
    )
    assert project.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    assert len(lines()) == 16
    assert project.runpytest_inprocess("evals").ret == 0


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("import no_such_library\n", "*variants.toml: [[]own]: own_technique cannot be imported: ModuleNotFoundError*"),
        (
            "def other(): ...\n",
            "*variants.toml: [[]own]: expected 'own' in module own_technique (*it has no such name*",
        ),
        (
            "def own(text): ...\n",
            "*expected own_technique:own to be called as own(text, client, [*], labels, model), got *",
        ),
    ],
)
def test_a_callable_that_cannot_be_called_is_a_usage_error(project: pytest.Pytester, module: str, words: str) -> None:
    write(HEAD)
    Path("evals/own_technique.py").write_text(module)
    result = project.runpytest_inprocess("evals")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])


def test_an_estimator_that_cannot_be_fitted_is_an_error_and_turns_its_gate_red(project: pytest.Pytester) -> None:
    write("    return None\n")
    Path("evals/own_technique.py").write_text("def make():\n    return None\n")
    Path("evals/variants.toml").write_text('[own]\nabout = "x"\nestimator = "own_technique:make"\n')
    result = project.runpytest_inprocess("evals", "--require-gates")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*own_technique:make: expected it to return a scikit-learn estimator, got NoneType*"])


def test_a_variant_without_a_request_has_no_tokens_to_count(project: pytest.Pytester) -> None:
    write("    return labels[0]\n")
    Path("evals/test_counted.py").write_text(
        "def test_counted(newsgauge_run):\n    newsgauge_run.count_tokens(newsgauge_run.setup.cases[0])\n"
    )
    result = project.runpytest_inprocess("evals/test_counted.py", "--variants", "own")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*TechniqueError: own: countTokens counts a request*has none of its own"])


def test_a_classify_asks_own_techniques(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    from newsgauge.cli.main import main

    write("    return ask(text).text + ' or ' + labels[0]\n")
    with Path("evals/variants.toml").open("a") as file:
        file.write('[linear]\nabout = "x"\nestimator = "own_technique:make"\n')
    with Path("evals/own_technique.py").open("a") as file:
        file.write(
            "\ndef make():\n    from sklearn.feature_extraction.text import TfidfVectorizer\n"
            "    from sklearn.naive_bayes import ComplementNB\n    from sklearn.pipeline import make_pipeline\n"
            "    return make_pipeline(TfidfVectorizer(), ComplementNB())\n"
        )
    classes = ("--classes", "^sci.(space|med)$")
    capsys.readouterr()
    off_the_list = 3
    assert main(["classify", "--variant", "own", "--jsonl", '"The shuttle reached orbit"', *classes]) == off_the_list
    said = json.loads(capsys.readouterr().out)
    assert said["label"].endswith(" or sci.med")
    assert said["model_version"].startswith("newsgauge-embedded-")
    assert main(["classify", "--variant", "linear", "The shuttle reached orbit after launch", *classes]) == 0
    assert capsys.readouterr().out == "sci.space\n"


def test_a_paid_recording_says_that_there_may_be_more_calls(project: pytest.Pytester) -> None:
    from newsgauge.recording.preflight import Forecast

    expected = Forecast("gemini", {"own": 8, "bare": 2}, 100, None, at_least=frozenset({"own", "absent"}))
    assert expected.lines()[0] == "asks gemini at least 10 times: own at least 8, bare 2"
    assert ", and more in what a callable adds, out unlimited" in expected.lines()[1]


@pytest.mark.parametrize(
    ("mode", "change", "n_to_ask", "n_recorded", "n_unfit"),
    [
        ("once", str, 0, 8, 0),
        ("new_episodes", str, 0, 8, 0),
        ("all", str, 8, 0, 0),
        ("once", lambda source: source.replace("Here is", "There is"), 0, 0, 8),
        ("new_episodes", lambda source: source.replace("Here is", "There is"), 8, 0, 0),
    ],
)
def test_what_a_recording_asks_is_known_by_calling_the_callable(
    project: pytest.Pytester, mode: str, change: Any, n_to_ask: int, n_recorded: int, n_unfit: int
) -> None:
    from newsgauge.recording.pending import find_pending
    from newsgauge.running.run_options import default_options, setup_of
    from newsgauge.variants.variants_file import load_variants

    write(TWICE)
    assert project.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    Path("evals/own_technique.py").write_text(change(TWICE))
    options = default_options(classes="^sci.(space|med)$", posts_per_class="4", record_mode=mode)
    folders = {"newsgauge_evals": "evals", "newsgauge_cassettes": "cassettes", "newsgauge_bundled": "fixtures/bundled"}
    variants = load_variants(Path("evals/variants.toml"))
    todo = find_pending(setup_of(options, variants, root=Path.cwd(), ini=lambda name: folders.get(name, "")))
    assert (len(todo.to_ask), todo.n_recorded, len(todo.unfit)) == (n_to_ask, n_recorded, n_unfit)


def test_the_record_command_records_callables_too_but_not_in_batches_and_leaves_estimators_out(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    from newsgauge.cli.main import main

    write(TWICE)
    with Path("evals/variants.toml").open("a") as file:
        file.write(
            '[linear]\nabout = "x"\nestimator = "own_technique:make"\n'
            '[shots]\nabout = "x"\nmodel = "gemini-3.5-flash-lite"\ncontents = "{examples}\\n\\n{post}"\n'
            'examples_per_class = 1\nanswer = "json"\n'
        )
    with Path("evals/own_technique.py").open("a") as file:
        file.write("\n\ndef make():\n    return None\n")
    plan = ("--classes", "^sci.(space|med)$", "--posts-per-class", "4")
    capsys.readouterr()
    assert main(["record", *plan, "--batch"]) == 2
    said = capsys.readouterr().err
    assert "--batch: own asks with a callable of your own, or another API. Record it without --batch: " in said
    assert "'newsgauge record --classes" in said
    assert "--variants own', and the others here with --variants shots" in said
    assert main(["record", *plan]) == 0
    assert "16 of 16 planned cases are recorded" in capsys.readouterr().out
    recorded = (CASSETTES / "own.jsonl").read_bytes()
    assert main(["record", *plan]) == 0
    assert project.runpytest_inprocess("evals", "--variants", "own", "--record-mode", "new_episodes").ret == 0
    assert (CASSETTES / "own.jsonl").read_bytes() == recorded
    bulk = (CASSETTES / "shots.jsonl").read_bytes()
    assert project.runpytest_inprocess("evals", "--variants", "shots", "--record-mode", "new_episodes").ret == 0
    assert (CASSETTES / "shots.jsonl").read_bytes() == bulk
    assert project.runpytest_inprocess("evals", "--variants", "shots", "-k", "gate").ret == 0
