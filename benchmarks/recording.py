"""What newsgauge record reaches, on the embedded backend: its quota, its losses under faults, its pace. In one run.

*quota*: a server that lets 3,000 calls a minute through, and how many of them are used in a full minute.
*faults*: of every five calls one is refused with 429; which cases are lost or asked twice.
*pace*: a whole plan of 7,532 posts and four variants; the CPU time of a part of it, against the same client that asks
the same and keeps nothing, in rounds in which both take turns (processes.alternate).
The posts are made up, about as long as those of 20 Newsgroups; with --corpus 20newsgroups they are the real ones.

    python benchmarks/recording.py [--posts 7532] [--corpus 20newsgroups] [--only quota,faults,pace] [--write]

Figures are kept in results/recording.json, parts that are not measured stay; --write puts all into docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from processes import RESULTS, Ratio, Taken, alternate, ratio_table, run, store, write_block

from newsgauge._util.pytest_ini import Folders
from newsgauge.client.calls import open_async_client
from newsgauge.running.request_template import ModelResolution
from newsgauge.running.run_config import RunConfig
from newsgauge.running.run_options import default_options, setup_of
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[1]
RPM = 3000
VARIANTS = "zero-shot,system,labels,tuned"
CONCURRENCY = 32
#: Posts of each label in the part that is asked with and without keeping.
PART = 40
FAULTS = """
[[fault]]
kind = "quota-per-minute"
probability = 0.2
delay_s = 0.5
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=7532)
    parser.add_argument("--corpus", help="in the place of made-up posts")
    parser.add_argument("--only", default="quota,faults,pace")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    file = RESULTS / "recording.json"
    figures: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "evals").mkdir()
        (folder / "evals" / "variants.toml").write_bytes((ROOT / "evals" / "variants.toml").read_bytes())
        write_corpus(folder / "made.csv", options.posts)
        for part in filter(None, options.only.split(",")):
            figures[part] = {"quota": quota, "faults": faults, "pace": pace}[part](folder, options.corpus)
            print(json.dumps({part: figures[part]}, indent=2), flush=True)
    store("recording", figures)
    print("\n".join(table(figures)))
    if options.write:
        write_block(ROOT / "docs" / "performance.md", "recording", table(figures))


def table(figures: Mapping[str, Any]) -> list[str]:
    """What docs/performance.md shows of results/recording.json."""
    used, lost, pace = figures["quota"], figures["faults"], figures["pace"]
    lines = [
        "| | |",
        "|---|---|",
        f"| calls answered in the fullest minute, of a quota of {RPM:,} | {used['calls_a_minute']:,} |",
        f"| cases recorded of those planned, one call in five refused | {lost['recorded']:,} of {lost['planned']:,} |",
        f"| {pace['cases']:,} cases, with the server on the same machine | {pace['wall_s']:.0f} s, "
        f"{pace['memory_mb_with_server']:.0f} MB |",
    ]
    if "over_asking_alone" in pace:
        name = "a case of `newsgauge record` against one of the client that keeps nothing"
        lines += ["", *ratio_table({name: (Ratio(**pace["over_asking_alone"]), "ms of CPU")})]
    return lines


def quota(folder: Path, corpus: str | None) -> dict[str, Any]:
    """Calls answered in the fullest minute, of those that the server lets through."""
    with serving("--rpm", str(RPM)) as url:
        taken = record(folder, "made.csv", "quota", "--variants", "system", "--posts-per-class", "165",
                       "--base-url", url, "--rpm", str(RPM))  # fmt: skip
    seconds = Counter(datetime.fromisoformat(line["provenance"]["recorded"]) for line in lines(folder / "quota"))
    stamps = sorted(moment.timestamp() for moment in seconds.elements())
    most = max(sum(start <= stamp < start + 60 for stamp in stamps) for start in set(stamps))
    return {"calls_a_minute": most, "share_of_quota": most / RPM, **counts(taken)}


def faults(folder: Path, corpus: str | None) -> dict[str, Any]:
    """Every refusal is asked again; what is answered is not."""
    (folder / "faults.toml").write_text(FAULTS)
    with serving("--faults", str(folder / "faults.toml")) as url:
        taken = record(folder, "made.csv", "faults", "--variants", "system,labels", "--posts-per-class", "100",
                       "--base-url", url)  # fmt: skip
    keys = Counter(line["key"] for line in lines(folder / "faults"))
    return {"recorded": keys.total(), "planned": 2 * 2000, "wall_s": taken.wall_s, **counts(taken)}


def pace(folder: Path, corpus: str | None) -> dict[str, Any]:
    """The whole plan with a server of its own; and for a part of it, what keeping adds to asking, in CPU time."""
    where = corpus or "made.csv"
    whole = ["--variants", VARIANTS, "--posts-per-class", "all"]
    taken = record(folder, where, "pace", *whole)
    n_cases = len(lines(folder / "pace"))
    again = record(folder, where, "pace", *whole)
    with serving() as url:
        part = ["--variants", VARIANTS, "--posts-per-class", str(PART), "--base-url", url]
        setup, numbers = make_setup(folder, where), count()

        def keeping_ms() -> float:
            """Of a recording, less one with nothing left to ask."""
            own = f"part-{next(numbers)}"
            first, second = record(folder, where, own, *part), record(folder, where, own, *part)
            return 1000 * (first.cpu_s - second.cpu_s) / len(setup.cases)

        def alone_ms() -> float:
            return 1000 * asyncio.run(ask_alone(setup, url)) / len(setup.cases)

        ratio = alternate("pace", keeping_ms, alone_ms)
    return {
        "cases": n_cases,
        "wall_s": taken.wall_s,
        "cases_a_second": n_cases / taken.wall_s,
        "cpu_ms_a_case_with_server": 1000 * taken.cpu_s / n_cases,
        "memory_mb_with_server": taken.memory / 1e6,
        "with_nothing_to_ask_cpu_s": again.cpu_s,
        "over_asking_alone": asdict(ratio),
    }


async def ask_alone(setup: RunConfig, url: str) -> float:
    """CPU seconds of the same client for the same cases, nothing looked at and nothing kept."""
    ready = ModelResolution(setup, base_url=lambda: url).all_ready()
    cases = iter(setup.cases)
    async with open_async_client(setup.access(url), connections=CONCURRENCY) as ask:

        async def work() -> None:
            for case in cases:
                await ask(ready[case.variant].template.about(case.post.text))

        start = time.process_time()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return time.process_time() - start


def make_setup(folder: Path, corpus: str) -> RunConfig:
    folders = Folders(folder, bundled=str(ROOT / "fixtures" / "bundled"))
    where = str(folder / corpus) if corpus.endswith(".csv") else corpus
    option = default_options(
        corpus=where, classes=".", posts_per_class=str(PART), variants=VARIANTS, allow_threads=True, record_mode="once"
    )
    return setup_of(option, load_variants(folder / "evals" / "variants.toml"), root=folder, ini=folders.ini)


def record(folder: Path, corpus: str, cassettes: str, *arguments: str) -> Taken:
    command = [sys.executable, "-m", "newsgauge.cli.main", "record", "--corpus", corpus, "--classes", ".",
               "--allow-threads", "--cassettes", cassettes, "--concurrency", str(CONCURRENCY), *arguments]  # fmt: skip
    taken = run(command, cwd=folder)
    if taken.status:
        raise SystemExit(taken.output)
    return taken


def counts(taken: Taken) -> dict[str, int]:
    found = re.search(r"([\d,]+) calls, ([\d,]+) of them refused", taken.output)
    assert found is not None, taken.output
    calls, refused = (int(text.replace(",", "")) for text in found.groups())
    return {"calls": calls, "refused": refused, "answered": calls - refused}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(raw) for path in sorted(folder.glob("*/*/*.jsonl")) for raw in path.read_text().splitlines()]


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "newsgauge.cli.main", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = re.search(r"http://[\d.:]+", server.stdout.readline())
        assert url is not None
        try:
            yield url[0]
        finally:
            server.terminate()


def write_corpus(path: Path, n_test: int) -> None:
    """Twenty labels, each with words of its own; 50 train posts each, and so many test posts in all."""
    rng = random.Random(20)
    common = [f"word{number}" for number in range(3000)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "label", "split", "text"))
        for number in range(1000 + n_test):
            label = f"group.number{number % 20:02}"
            own = [f"{label.rpartition('.')[2]}word{rng.randrange(40)}" for _ in range(8)]
            words = own + rng.choices(common, k=min(2000, int(rng.lognormvariate(5.0, 0.9)) + 5))
            rng.shuffle(words)
            writer.writerow((number, label, "train" if number < 1000 else "test", " ".join(words)))


if __name__ == "__main__":
    main()
