"""What a replay costs, against its floor and against a suite written by hand. Ratios of sides that take turns.

The floor is what nobody can do without who runs ordinary pytest items and asks through the real SDK: as many items
that make the same calls on `httpx2.MockTransport`, in one process. *hand* is pytest, vcrpy and google-genai with one
YAML cassette a case. Both run at once and take turns, a slice of 20 tests each (turns.py). CPU time counts from
collection to the end of the process; what a small run takes, once, is subtracted from what a large one takes.
*two* and *two-all* compare the wall time of two processes with that of one; *gates* `-m gate` with the whole run; *one*
and *default* the wall time of a single case and of `pytest evals` with that of a single item of the floor.
Each is measured in rounds (processes.alternate); *whole* measures memory and the pace within one run, once.

    python benchmarks/replay.py [--parts floor,hand,two,two-all,gates,one,default,whole] [--rounds 5] [--write]

Figures are kept in results/replay.json, parts that are not measured stay; --write puts all into docs/performance.md.
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
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from processes import (
    RESULTS,
    Command,
    Ratio,
    Taken,
    alternate,
    in_rounds,
    in_turns,
    ratio_table,
    run,
    run_pytest,
    store,
    write_block,
)

ROOT = Path(__file__).resolve().parents[1]
VARIANTS = "zero-shot,system,labels,tuned"
ANSWER = {
    "candidates": [
        {"content": {"parts": [{"text": "sci.space"}], "role": "model"}, "finishReason": "STOP", "index": 0}
    ],
    "modelVersion": "mock-1",
    "usageMetadata": {"candidatesTokenCount": 3, "promptTokenCount": 300, "totalTokenCount": 303},
}
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


def plan_options(options: argparse.Namespace, posts_per_class: str) -> list[str]:
    return [
        *("--corpus", options.corpus, "--classes", options.classes, "--posts-per-class", posts_per_class),
        *("--variants", VARIANTS, "--allow-threads", "--cassettes", str(options.cassettes)),
    ]


def replay_command(options: argparse.Namespace, posts_per_class: str, results: str, *more: str) -> Command:
    where = ["evals/test_newsgroups.py", "evals/test_gates.py", "-p", "no:cacheprovider", "--results", results]
    return Command([*where, *plan_options(options, posts_per_class), "--no-require-gates", *more], ROOT)


def replay(options: argparse.Namespace, posts_per_class: str, *more: str) -> Taken:
    with tempfile.TemporaryDirectory() as results:
        return _replayed(run_pytest(replay_command(options, posts_per_class, results, *more)))


def _replayed(taken: Taken) -> Taken:
    # 1: the gates are set for another plan, and may fail on this one; that is not what is measured here.
    if taken.status not in (0, 1) or "error" in taken.output.splitlines()[-1]:
        sys.exit(f"the replay failed:\n{taken.output[-3000:]}")
    return taken


def requests_of(options: argparse.Namespace, posts_per_class: str) -> list[dict[str, Any]]:
    """The requests of the plan in plain values, as the SDK takes them."""
    from newsgauge._util.pytest_ini import Folders
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
        request = setup.ready(variant, model).template.about(case.post.text)
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

    from newsgauge.client.calls import call_arguments
    from newsgauge.records import Request

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


@dataclass
class Bench:
    """The commands that are compared, in folders of their own."""

    options: argparse.Namespace
    folder: Path
    _asked: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def asked(self, posts: str) -> list[dict[str, Any]]:
        """The requests of so many posts per class."""
        if posts not in self._asked:
            self._asked[posts] = requests_of(self.options, posts)
        return self._asked[posts]

    def floor(self, posts: str) -> Command:
        """The calls of a plan as ordinary pytest items."""
        asked = self.asked(posts)
        where = self.folder / f"floor-{len(asked)}" / "items"
        if not where.exists():
            where.mkdir(parents=True)
            (where.parent / "asked.json").write_text(json.dumps(asked))
            (where / "pytest.ini").write_text("[pytest]\n")
            (where / "test_calls.py").write_text(CALLS.format(benchmarks=str(ROOT / "benchmarks")))
        return Command(["-q", "-p", "no:cacheprovider"], where)

    def by_hand(self, posts: str) -> Command:
        """The same plan as a suite without newsgauge."""
        where = self.folder / f"by-hand-{posts}"
        if not where.exists():
            where.mkdir()
            write_by_hand(where, self.asked(posts))
        return Command(["-q", "-p", "no:cacheprovider"], where)

    def spent(self, other: Callable[[str], Command], posts: str, *, ours_first: bool) -> tuple[float, float]:
        """CPU from the collection of tests on: of newsgauge, and of another suite with the same calls."""
        with tempfile.TemporaryDirectory() as results:
            ours, theirs = in_turns(replay_command(self.options, posts, results), other(posts), ours_first=ours_first)
        return _replayed(ours).cpu_s, _succeeded(theirs, "the other suite").cpu_s

    def one_case(self) -> Taken:
        """A single case, from the start of pytest to its verdict."""
        case = self.asked("1")[0]["id"]
        return replay(self.options, "1", "-k", f"test_newsgroup and {case.split('-')[1]}", "--variants", "zero-shot")

    def one_item(self) -> Taken:
        """A single item of the floor."""
        command = self.floor("1")
        one = Command([*command.arguments, "-k", self.asked("1")[0]["id"]], command.cwd)
        return _succeeded(run_pytest(one), "the floor")

    def default(self) -> Taken:
        """``pytest evals``, as anybody runs it."""
        return _succeeded(run_pytest(Command(["evals", "-q", "-p", "no:cacheprovider"], ROOT)), "pytest evals")


def _succeeded(taken: Taken, what: str) -> Taken:
    if taken.status:
        sys.exit(f"{what} failed:\n{taken.output[-2000:]}")
    return taken


#: Part -> what its row is called, the unit of both sides, and how many posts per class its plan has at most.
ROWS = {
    "floor": ("a case against the same item and call without newsgauge, in one process", "ms of CPU"),
    "hand": ("a case of the same suite written by hand against one of newsgauge", "ms of CPU"),
    "two": ("two processes against one, 8,000 cases", "s"),
    "two-all": ("two processes against one, 30,128 cases", "s"),
    "gates": ("gates alone (`-m gate`) against the whole run, 30,128 cases", "s of CPU"),
    "one": ("one case, from start to verdict, against one item of the floor", "s"),
    "default": ("`pytest evals` against one item of the floor", "s"),
}


def measure(part: str, bench: Bench) -> Ratio:
    """A row of the table."""
    options = bench.options
    if part in ("two", "two-all"):
        posts = options.two if part == "two" else "all"
        sides = (lambda: replay(options, posts, "-n", "2").wall_s), (lambda: replay(options, posts).wall_s)
    elif part == "gates":
        sides = (lambda: replay(options, "all", "-m", "gate").cpu_s), (lambda: replay(options, "all").cpu_s)
    elif part in ("one", "default"):
        ours = bench.one_case if part == "one" else bench.default
        sides = (lambda: ours().wall_s), (lambda: bench.one_item().wall_s)
    else:
        other = bench.by_hand if part == "hand" else bench.floor
        n = len(bench.asked(options.slice)) - len(bench.asked("1"))
        small = bench.spent(other, "1", ours_first=True)

        def half(ours_first: bool) -> tuple[float, float]:
            large = bench.spent(other, options.slice, ours_first=ours_first)
            ours, theirs = (1e3 * (more - fewer) / n for more, fewer in zip(large, small, strict=True))
            return (theirs, ours) if part == "hand" else (ours, theirs)

        return in_rounds(part, half, rounds=options.rounds)
    return alternate(part, *sides, rounds=options.rounds)


def measure_whole(options: argparse.Namespace, bench: Bench) -> dict[str, Any]:
    """Memory, and the pace in both halves, of the whole plan in single runs."""
    asked = bench.asked("all")
    cases_of = Counter(one["label"] for one in asked)
    half_posts = max(cases_of.values()) // 4 // 2
    small_posts = max(1, half_posts // 15)
    (bench.folder / "asked.json").write_text(json.dumps(asked))
    called = _succeeded(run([sys.executable, __file__, "--calls", "asked.json"], cwd=bench.folder), "the calls")
    calls_s, ours_s = (float(line.split()[1]) for line in called.output.splitlines()[-2:])
    tiny, small, half, serial = (replay(options, str(n)) for n in (1, small_posts, half_posts, "all"))
    two, gates = replay(options, "all", "-n", "2"), replay(options, "all", "-m", "gate")
    n_tiny, n_small, n_half = (
        sum(min(4 * posts, count) for count in cases_of.values()) for posts in (1, small_posts, half_posts)
    )
    # A case from some 1,000 to half of them, and from there to all: shorter stretches are mostly noise.
    each_first = (half.cpu_s - small.cpu_s) / (n_half - n_small)
    each_last = (serial.cpu_s - half.cpu_s) / (len(asked) - n_half)
    return {
        "cases": len(asked),
        "calls_with_own_arguments_over_plain": round(ours_s / calls_s, 3),
        "replay_cpu_s": round(serial.cpu_s, 2),
        "replay_ms_a_case": round(1e3 * (serial.cpu_s - tiny.cpu_s) / (len(asked) - n_tiny), 3),
        "gates_alone_over_replay": round(gates.cpu_s / serial.cpu_s, 3),
        "ms_a_case_second_half_over_first": round(each_last / each_first, 3),
        "peak_memory_mb": {
            name: round(taken.memory / 1e6)
            for name, taken in (("small", small), ("serial", serial), ("two processes", two))
        },
        "small_cases": n_small,
    }


def tables(figures: Mapping[str, Any]) -> list[str]:
    """What docs/performance.md shows of results/replay.json."""
    pairs = {ROWS[part][0]: (Ratio(**one), ROWS[part][1]) for part, one in figures.get("pairs", {}).items()}
    lines = ratio_table(pairs) if pairs else []
    if "cases" not in figures:
        return lines
    memory = figures["peak_memory_mb"]
    small = f"{memory['small']} MB for {figures['small_cases']:,} cases; " if "small" in memory else ""
    return [
        *([*lines, ""] if lines else []),
        f"| measured once, {figures['cases']:,} cases | |",
        "|---|---|",
        f"| CPU of a case in one process | {figures['replay_ms_a_case']:.2f} ms |",
        f"| a case in the second half against one in the first | {figures['ms_a_case_second_half_over_first']:.2f} |",
        "| an SDK call with [our arguments](../src/newsgauge/client/calls.py) against a plain one | "
        f"{figures['calls_with_own_arguments_over_plain']:.2f} |",
        f"| peak memory, one process; two workers and their controller | {small}{memory['serial']} MB; "
        f"{memory['two processes']} MB |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join([*ROWS, "whole"]))
    parser.add_argument("--rounds", type=int, default=5, help="that are kept; at most twice as many are discarded")
    parser.add_argument("--slice", default="25", help="posts per class of floor and hand: 2,000 cases")
    parser.add_argument("--two", default="100", help="posts per class of two: 8,000 cases")
    parser.add_argument("--corpus", default="20newsgroups")
    parser.add_argument("--classes", default=".")
    parser.add_argument("--cassettes", type=Path, default=ROOT / ".newsgauge" / "benchmarks" / "cassettes")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    parser.add_argument("--calls", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.calls:
        measure_calls(options.calls)
        return
    options.cassettes = options.cassettes.resolve()
    parts = list(filter(None, options.parts.split(",")))
    file = RESULTS / "replay.json"
    figures = json.loads(file.read_text("utf-8")) if file.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(options, Path(name))
        if parts:
            largest = "all" if {"two-all", "gates", "whole"} & set(parts) else options.two
            command = [sys.executable, "-m", "newsgauge.cli.main", "record", *plan_options(options, largest)]
            _succeeded(run(command, cwd=ROOT), "recording")
        for part in parts:
            if part == "whole":
                figures = {**measure_whole(options, bench), "pairs": figures.get("pairs", {})}
            else:
                figures.setdefault("pairs", {})[part] = asdict(measure(part, bench))
            figures["pairs"] = {row: figures["pairs"][row] for row in ROWS if row in figures.get("pairs", {})}
            store("replay", figures)
    print("\n".join(tables(figures)))
    if options.write:
        write_block(ROOT / "docs" / "performance.md", "replay", tables(figures))


if __name__ == "__main__":
    main()
