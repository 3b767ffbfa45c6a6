"""What a replay at scale costs, against its floors and against a suite written by hand. Ratios, in one run.

The floors are what nobody can do without who runs ordinary pytest items and asks through the real SDK: as many items
that do nothing, and the same requests made on `httpx2.MockTransport`. The other side is pytest, vcrpy and google-genai
with one YAML cassette a case. All parts run one after the other on the same machine, as processes of their own.

    python benchmarks/replay.py [--posts-per-class all] [--by-hand 3000]

The cassettes are recorded from the embedded backend where they are not there yet, into .newsgauge/benchmarks.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from processes import PYTEST, Taken, run, store

ROOT = Path(__file__).resolve().parents[1]
VARIANTS = "zero-shot,system,labels,tuned"
ANSWER = {
    "candidates": [
        {"content": {"parts": [{"text": "sci.space"}], "role": "model"}, "finishReason": "STOP", "index": 0}
    ],
    "modelVersion": "mock-1",
    "usageMetadata": {"candidatesTokenCount": 3, "promptTokenCount": 300, "totalTokenCount": 303},
}
NO_OP = """
import pytest

@pytest.mark.parametrize("number", range({n}))
def test_nothing(number: int) -> None:
    pass
"""
CALLS = """
import json, sys
from pathlib import Path

import pytest
from google.genai.types import GenerateContentConfig

sys.path.insert(0, {benchmarks!r})
from replay import mock_client

CASES = json.loads(Path("../asked.json").read_text())
CONFIGS = {{text: GenerateContentConfig(**json.loads(text)) for text in {{json.dumps(one["config"]) for one in CASES}}}}
CLIENT = mock_client()

@pytest.mark.parametrize("case", CASES, ids=[one["id"] for one in CASES])
def test_asks(case):
    config = CONFIGS[json.dumps(case["config"])]
    assert CLIENT.models.generate_content(model=case["model"], contents=case["contents"], config=config).text
"""
BY_HAND = '''
"""What a good engineer writes without newsgauge: a client, one cassette a case, the answer held against the label."""
import json
from pathlib import Path

import pytest
import vcr
from google import genai

CASES = json.loads(Path("cases.json").read_text())
RECORDER = vcr.VCR(record_mode="none", match_on=["method", "uri", "body"], filter_headers=["x-goog-" + "api-key"])

@pytest.fixture(scope="session")
def client():
    return genai.Client(vertexai=False, api_key="none")

@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_names_its_newsgroup(client, case):
    with RECORDER.use_cassette(f"cassettes/{case['id']}.yaml"):
        said = client.models.generate_content(model=case["model"], contents=case["contents"], config=case["config"])
    if said.text != case["label"]:
        pytest.xfail(f"{case['label']} -> {said.text}")
'''
FIRST_CASE = """
import os, time
from pathlib import Path

FIRST = Path(os.environ["FIRST_CASE"])

def pytest_runtest_logstart(nodeid, location):
    if not FIRST.exists():
        FIRST.write_text(str(time.time()))
"""


def plan_options(options: argparse.Namespace, posts_per_class: str) -> list[str]:
    return [
        *("--corpus", options.corpus, "--classes", options.classes, "--posts-per-class", posts_per_class),
        *("--variants", VARIANTS, "--allow-threads", "--cassettes", str(options.cassettes)),
    ]


def replay(options: argparse.Namespace, posts_per_class: str, *more: str, env: dict[str, str] | None = None) -> Taken:
    with tempfile.TemporaryDirectory() as results:
        where = ["evals/test_newsgroups.py", "evals/test_gates.py", "-p", "no:cacheprovider", "--results", results]
        asked = [*plan_options(options, posts_per_class), "--no-require-gates", *more]
        taken = run([*PYTEST, *where, *asked], cwd=ROOT, env=env)
    # 1: the gates are set for another plan, and may fail on this one; that is not what is measured here.
    if taken.status not in (0, 1) or "error" in taken.output.splitlines()[-1]:
        sys.exit(f"the replay failed:\n{taken.output[-3000:]}")
    return taken


def requests_of(options: argparse.Namespace, posts_per_class: str) -> list[dict[str, Any]]:
    """The requests of the plan in plain values, as the SDK takes them."""
    from newsgauge.running.plans_file import Folders
    from newsgauge.running.run_options import default_options, setup_of
    from newsgauge.variants.variants_file import load_variants

    option = default_options(
        corpus=options.corpus, classes=options.classes, posts_per_class=posts_per_class, variants=VARIANTS,
        allow_threads=True,
    )  # fmt: skip
    setup = setup_of(option, load_variants(ROOT / "evals" / "variants.toml"), root=ROOT, ini=Folders(ROOT).ini)
    asked = []
    for case in setup.cases:
        variant = setup.variants[case.variant]
        model = setup.trainings[case.variant].model if variant.tuning else variant.model
        request = setup.request(variant, case.post, model=model)
        config: dict[str, Any] = {"system_instruction": request.system_instruction}
        if request.enum:
            config["response_mime_type"] = "text/x.enum"
            config["response_schema"] = {"type": "STRING", "enum": list(request.enum)}
        asked.append(
            {"id": case.id, "label": case.post.label, "model": model, "contents": request.contents, "config": config}
        )
    return asked


def mock_client() -> Any:
    import httpx2
    from google import genai
    from google.genai.types import HttpOptions

    raw = json.dumps(ANSWER).encode()
    headers = {"content-type": "application/json"}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=raw, headers=headers))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    http = HttpOptions(client_args={"transport": transport}, async_client_args={"verify": context})
    return genai.Client(vertexai=False, api_key="none", http_options=http)


def measure_calls(path: Path) -> None:
    """Make the requests of a file on a mock transport, plain and as ours are; print the CPU seconds of the calls."""
    from google.genai.types import GenerateContentConfig

    from newsgauge.client.sdk_arguments import call_arguments
    from newsgauge.variants.variants_file import Request

    asked = json.loads(path.read_text())
    kinds = {json.dumps(one["config"]): GenerateContentConfig(**one["config"]) for one in asked}
    configs = [kinds[json.dumps(one["config"])] for one in asked]
    client = mock_client()
    client.models.generate_content(model="warm", contents="up")
    start = time.process_time()
    for one, config in zip(asked, configs, strict=True):
        _ = client.models.generate_content(model=one["model"], contents=one["contents"], config=config).text
    print(f"calls {time.process_time() - start:.3f}")
    start = time.process_time()
    for one in asked:
        enum = one["config"].get("response_schema", {}).get("enum")
        instruction = one["config"]["system_instruction"]
        request = Request(one["model"], one["contents"], instruction, tuple(enum) if enum else None, None)
        _ = client.models.generate_content(**call_arguments(request)).text
    print(f"ours {time.process_time() - start:.3f}")


def write_by_hand(folder: Path, asked: list[dict[str, Any]]) -> None:
    """The suite of somebody without newsgauge, recorded: its YAML files are made through vcrpy itself."""
    import vcr

    (folder / "test_by_hand.py").write_text(BY_HAND)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "cases.json").write_text(json.dumps(asked))
    client = mock_client()
    recorder = vcr.VCR(record_mode="all", match_on=["method", "uri", "body"], filter_headers=["x-goog-" + "api-key"])
    for one in asked:
        with recorder.use_cassette(str(folder / "cassettes" / f"{one['id']}.yaml")):
            client.models.generate_content(model=one["model"], contents=one["contents"], config=one["config"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="20newsgroups")
    parser.add_argument("--classes", default=".")
    parser.add_argument("--posts-per-class", default="all")
    parser.add_argument("--by-hand", type=int, default=3000, help="cases of the suite without newsgauge")
    parser.add_argument("--cassettes", type=Path, default=ROOT / ".newsgauge" / "benchmarks" / "cassettes")
    parser.add_argument("--calls", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.calls:
        measure_calls(options.calls)
        return
    options.cassettes = options.cassettes.resolve()
    recorded = run(
        [sys.executable, "-m", "newsgauge.cli.main", "record", *plan_options(options, options.posts_per_class)],
        cwd=ROOT,
    )
    if recorded.status:
        sys.exit(f"recording failed:\n{recorded.output[-3000:]}")
    asked = requests_of(options, options.posts_per_class)
    n, n_by_hand = len(asked), min(options.by_hand, len(asked))
    print(f"{n:,} cases of {options.corpus}; CPU seconds of whole processes, one after the other", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "items").mkdir()
        (folder / "items" / "pytest.ini").write_text("[pytest]\n")
        (folder / "items" / "test_no_op.py").write_text(NO_OP.format(n=n))
        (folder / "asked.json").write_text(json.dumps(asked))
        (folder / "first_case.py").write_text(FIRST_CASE)
        replay(options, "1")  # compiles what is not compiled yet
        tiny = replay(options, "1")
        items = run([*PYTEST, "-q", "-p", "no:cacheprovider"], cwd=folder / "items")
        called = run([sys.executable, __file__, "--calls", str(folder / "asked.json")], cwd=folder)
        if called.status:
            sys.exit(f"the calls failed:\n{called.output[-2000:]}")
        calls_s, ours_s = (float(line.split()[1]) for line in called.output.splitlines()[-2:])
        floor_s = items.cpu_s + calls_s
        print(f"floor: {n:,} no-op items {items.cpu_s:.1f}, the SDK's calls {calls_s:.1f}: {floor_s:.1f}", flush=True)
        print(
            f"... calls with the arguments of newsgauge {ours_s:.1f}: {ours_s / calls_s:.2f}x of plain ones", flush=True
        )
        (folder / "both").mkdir()
        (folder / "both" / "pytest.ini").write_text("[pytest]\n")
        (folder / "both" / "test_calls.py").write_text(CALLS.format(benchmarks=str(ROOT / "benchmarks")))
        both = run([*PYTEST, "-q", "-p", "no:cacheprovider"], cwd=folder / "both")
        if both.status:
            sys.exit(f"the floor in one process failed:\n{both.output[-2000:]}")
        env, started = {"PYTHONPATH": name, "FIRST_CASE": str(folder / "first_case")}, time.time()
        serial = replay(options, options.posts_per_class, "-p", "first_case", env=env)
        first_s = float((folder / "first_case").read_text()) - started
        two = replay(options, options.posts_per_class, "-n", "2")
        gates = replay(options, options.posts_per_class, "-k", "gate")
        cases_of = Counter(one["label"] for one in asked)
        half_posts = max(cases_of.values()) // 4 // 2
        small_posts = max(1, half_posts // 15)
        small, half = replay(options, str(small_posts)), replay(options, str(half_posts))
        step = folder / "by-hand"
        step.mkdir()
        every = max(1, n // n_by_hand)
        write_by_hand(step, asked[::every][:n_by_hand])
        by_hand = run([*PYTEST, "-q", "-p", "no:cacheprovider"], cwd=step)
        (step / "cases.json").write_text(json.dumps(asked[::every][:1]))
        by_hand_start = run([*PYTEST, "-q", "-p", "no:cacheprovider"], cwd=step)
    n_tiny, n_small, n_half = (
        sum(min(4 * posts, count) for count in cases_of.values()) for posts in (1, small_posts, half_posts)
    )
    # A case from some 1,000 to half of them, and from there to all: shorter stretches are mostly noise.
    each_first = (half.cpu_s - small.cpu_s) / (n_half - n_small)
    each_last = (serial.cpu_s - half.cpu_s) / (n - n_half)
    by_hand_ms = 1e3 * (by_hand.cpu_s - by_hand_start.cpu_s) / (n_by_hand - 1)
    serial_ms = 1e3 * (serial.cpu_s - tiny.cpu_s) / (n - n_tiny)
    figures = {
        "cases": n,
        "floor_cpu_s": {"items": round(items.cpu_s, 2), "calls": round(calls_s, 2)},
        "calls_with_own_arguments_over_plain": round(ours_s / calls_s, 3),
        "replay_cpu_s": round(serial.cpu_s, 2),
        "replay_over_floor": round(serial.cpu_s / floor_s, 3),
        "floor_in_one_process_cpu_s": round(both.cpu_s, 2),
        "replay_over_floor_in_one_process": round(serial.cpu_s / both.cpu_s, 3),
        "by_hand_ms_a_case": round(by_hand_ms, 3),
        "replay_ms_a_case": round(serial_ms, 3),
        "by_hand_over_replay": round(by_hand_ms / serial_ms, 2),
        "two_processes_wall_over_serial": round(two.wall_s / serial.wall_s, 3),
        "gates_alone_over_replay": round(gates.cpu_s / serial.cpu_s, 3),
        "ms_a_case_second_half_over_first": round(each_last / each_first, 3),
        "first_case_s": round(first_s, 2),
        "peak_memory_mb": {"serial": serial.memory >> 20, "two processes": two.memory >> 20},
    }
    print(f"replay {serial.cpu_s:.1f}: {figures['replay_over_floor']:.2f}x the floor (goal: at most 1.3, aim 1.15)")
    print(f"... in one process {both.cpu_s:.1f}: {serial.cpu_s / both.cpu_s:.2f}x of these")
    print(
        f"by hand {by_hand_ms:.2f} ms a case, replay {serial_ms:.2f} ms: "
        f"{figures['by_hand_over_replay']:.2f} times faster (goal: 2.2)"
    )
    print(f"-n 2: wall {two.wall_s:.1f} s, serial {serial.wall_s:.1f} s: {two.wall_s / serial.wall_s:.2f}x")
    print(f"-m gate: {gates.cpu_s:.1f}: {gates.cpu_s / serial.cpu_s:.2f}x of the full run (goal: at most 0.5)")
    print(
        f"a case between {n_half:,} and {n:,}: {each_last / each_first:.2f}x of one between {n_small:,} and {n_half:,} "
        "(goal: at most 1.15)"
    )
    print(f"first case after {first_s:.1f} s (goal: 5)")
    print(f"peak memory: {serial.memory >> 20} MB serially (350), {two.memory >> 20} MB with -n 2 (600)")
    print(f"written: {store('replay', figures).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
