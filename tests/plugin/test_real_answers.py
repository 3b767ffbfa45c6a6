"""What `newsgauge record` calls recorded, pytest replays; what one refuses, the other does, for the same reason.

Over all real answers of Gemini that are here, on both surfaces; and over a few made-up ones of the same kinds.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from newsgauge._util.pytest_ini import Folders
from newsgauge.client.retry import RetryPolicy
from newsgauge.recording.scheduler import Limits
from newsgauge.recording.session import record_cases
from newsgauge.running.run_options import default_options, setup_of
from newsgauge.variants.variants_file import load_variants
from tests.gemini_traffic import needs_traffic, recorded_answers

PLAN = {"classes": "^sci.space$", "posts_per_class": "1"}
MODEL = re.compile(r"/answer-(\d+):generateContent")


def answer(text: str | None = "sci.space", reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    parts = {"parts": [{"text": text}]} if text is not None else {}
    candidate = {"content": {**parts, "role": "model"}, **({"finishReason": reason} if reason else {})}
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", **more}


def error(code: int, status: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": "no", **more}}


PER_DAY = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDay"}]}]
RATED = {"safetyRatings": [{"category": "HARM_CATEGORY_OF_TOMORROW", "probability": "PERHAPS"}]}
#: Where the SDK wants something else, so that nobody can tell what was answered.
NOT_READ = "neither content nor a number"
MADE_UP: list[dict[str, Any]] = [
    {"status": status, **({"text": body} if isinstance(body, str) else {"body": body})}
    for status, body in [
        (200, answer()),
        (200, answer("Sure: sci.space", modelVersion="models/gemini-2.5-pro")),
        (200, answer(None, "SAFETY")),
        (200, answer(None, "MAX_TOKENS", usageMetadata={"thoughtsTokenCount": 20, "totalTokenCount": 27})),
        (200, answer("sci.space", "A_REASON_OF_TOMORROW")),
        (200, answer("sci.space", None)),
        (200, {"promptFeedback": {"blockReason": "TOMORROW"}, "modelVersion": "gemini-2.5-flash"}),
        (200, {**answer(), "candidates": [{**answer()["candidates"][0], **RATED}], "responseId": "r", "novelty": [1]}),
        (200, {"candidates": [], "modelVersion": "gemini-2.5-flash"}),
        (200, {"modelVersion": "gemini-2.5-flash"}),
        (200, {name: value for name, value in answer().items() if name != "modelVersion"}),
        (200, answer(modelVersion="")),
        (200, answer(modelVersion="  ")),
        (200, {**answer(), "candidates": [{"content": NOT_READ}]}),
        (200, {**answer(), "usageMetadata": {"promptTokenCount": NOT_READ}}),
        (200, "<html>welcome</html>"),
        (200, json.dumps(answer())[:-9]),
        (200, "[]"),
        (200, "7"),
        (400, error(400, "INVALID_ARGUMENT")),
        (404, "<html>not here</html>"),
        (429, error(429, "RESOURCE_EXHAUSTED", details=PER_DAY)),
        (429, [error(429, "RESOURCE_EXHAUSTED")]),
        (503, error(503, "UNAVAILABLE")),
    ]
]
SETS = [pytest.param(MADE_UP, id="made up"), pytest.param(recorded_answers(), id="real", marks=needs_traffic)]


def may_be_kept(one: dict[str, Any]) -> bool:
    body = one.get("body")
    said = (
        isinstance(body, dict) and bool(str(body.get("modelVersion", "")).strip()) and NOT_READ not in json.dumps(body)
    )
    return said and one["status"] == 200


@pytest.fixture
def serve() -> Iterator[Callable[[list[dict[str, Any]]], str]]:
    """A server whose answer to model ``answer-7`` is the one with number 7."""
    started: list[ThreadingHTTPServer] = []

    def start(answers: list[dict[str, Any]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                found = MODEL.search(self.path)
                assert found is not None
                said = answers[int(found[1])]
                raw = (said["text"] if "body" not in said else json.dumps(said["body"])).encode()
                self.send_response(said["status"])
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments: object) -> None:
                pass

        started.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=started[0].serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{started[0].server_address[1]}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def name_of(number: int) -> str:
    return f"answer-{number}"


def write_variants(answers: list[dict[str, Any]]) -> None:
    tables = [
        f'[{name_of(number)}]\nabout = "one answer"\nmodel = "{name_of(number)}"\ncontents = "{{post}}"\n'
        for number in range(len(answers))
    ]
    Path("evals/variants.toml").write_text("\n".join(tables))
    Path("evals/test_gates.py").unlink()
    Path("evals/gates.toml").write_text("")


def lines(folder: Path) -> dict[str, dict[str, Any]]:
    """The line of each variant, without when it was recorded."""
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        for raw in path.read_text().splitlines():
            line = json.loads(raw)
            del line["provenance"]["recorded"], line["digest"]
            found[path.stem] = line
    return found


def results() -> dict[str, dict[str, str]]:
    with Path(".newsgauge/results/results.csv").open(newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    for row in rows.values():
        row.pop("origin", None)
        row.pop("latency_ms", None)
    return rows


def broken(rows: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: row["broken"] for name, row in rows.items() if row["broken"]}


@pytest.mark.parametrize("backend", ["gemini", "vertex"])
@pytest.mark.parametrize("answers", SETS)
def test_all_roads_keep_and_refuse_the_same_and_replay_what_was_kept(
    project: pytest.Pytester,
    serve: Callable[[list[dict[str, Any]]], str],
    monkeypatch: pytest.MonkeyPatch,
    answers: list[dict[str, Any]],
    backend: str,
) -> None:
    # Three refusals in a row would end a recording: an answer that is kept stands behind each.
    answers = [each for one in answers for each in ([one] if may_be_kept(one) else [one, MADE_UP[0]])]
    kept = {name_of(number) for number, one in enumerate(answers) if may_be_kept(one)}
    url = serve(answers)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", url)
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    write_variants(answers)
    folder = Path(f"cassettes/{backend}/bundled")

    options = default_options(**PLAN, backend=backend, record_mode="once")
    variants = load_variants(Path("evals/variants.toml"))
    config = setup_of(options, variants, root=Path.cwd(), ini=Folders(Path.cwd()).ini)
    report = record_cases(
        config, config.cases, base_url=url, limits=Limits(1), retry=RetryPolicy(deadline_s=0.0),
        on_answer=lambda case, response: None, on_note=lambda note: None,
    )  # fmt: skip
    in_bulk = lines(folder)
    whys = {case.variant: why for case, why in [*report.broken, *report.left]}
    assert set(in_bulk) == kept
    assert set(whys) == {variant for variant in variants if variant not in kept}
    shutil.move(folder, "in-bulk")

    plan = ("evals", "--classes", PLAN["classes"], "--posts-per-class", "1", "--backend", backend)
    recording = project.runpytest_inprocess(
        *plan, "--record-mode", "once", "--retry-deadline", "0", "--yes", "--no-report"
    )
    assert recording.ret == pytest.ExitCode.TESTS_FAILED, recording.stderr.str()
    asked = results()
    assert lines(folder) == in_bulk
    assert broken(asked) == whys
    assert not [why for why in whys.values() if "Traceback" in why]

    replays = []
    for recorded in (folder, Path("in-bulk")):
        if recorded != folder:
            shutil.rmtree(folder)
            shutil.move(recorded, folder)
        project.runpytest_inprocess(*plan, "--no-report", "-W", "error")
        replays.append(results())
    assert replays[0] == replays[1]
    assert {name: replays[0][name] for name in kept} == {name: asked[name] for name in kept}
    assert {why.partition(": ")[2].partition(" of ")[0] for why in broken(replays[0]).values()} == {"no recording"}
    assert set(broken(replays[0])) == set(whys)
