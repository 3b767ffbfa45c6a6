"""What the embedded backend costs: calls a second, training, memory, start. Prints a table, asserts nothing.

    python benchmarks/endpoint.py [--posts FILE]

FILE is a JSONL of ``{"text", "label"}``; without it, posts are made up from a seeded vocabulary, as many and
as long as the real training posts of eight groups. Times depend on the machine, so each is given as a ratio to a
yardstick, the time that plain Python takes for a fixed loop; the two take turns (processes.alternate).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import httpx2
from processes import Ratio, alternate, ratio_table

BASE = "models/gemini-3.5-flash-lite"
CALLS, IN_FLIGHT = 1000, 8
SMALL, LARGE = 400, 4762
_LABELS = (
    "rec.autos",
    "rec.motorcycles",
    "rec.sport.hockey",
    "sci.crypt",
    "sci.electronics",
    "sci.med",
    "sci.space",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=Path, help="JSONL of {text, label}")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    posts = _read(options.posts) if options.posts else _make_posts()
    rows: dict[str, tuple[Ratio, str]] = {}

    def compare(name: str, ours: Callable[[], float]) -> None:
        rows[f"{name}, against the yardstick"] = alternate(name, ours, _yardstick, rounds=options.rounds), "s"

    compare("start to first answer", _start_s)
    with _serving() as (server, url), httpx2.Client(base_url=url, timeout=120) as http:
        numbers = count()
        for size in (SMALL, LARGE):
            train = partial(_train_anew, http, posts[:size], numbers)
            compare(f"training, {size} posts, 5 epochs", train)
            _train(http, posts[:size], f"posts-{size}")
        texts = [text for text, _ in posts[:CALLS]]
        models = {
            "tuned, small": f"tunedModels/posts-{SMALL}",
            "tuned, large": f"tunedModels/posts-{LARGE}",
            "base": BASE,
        }
        for name, model in models.items():
            compare(f"{name}: {CALLS} calls, {IN_FLIGHT} in flight", partial(_ask_all_s, url, model, texts))
        memory = _resident_mb(server.pid)
    print("\n".join(ratio_table(rows)))
    print(f"\nresident memory after all that: {memory:.0f} MB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


@contextmanager
def _serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "newsgauge.cli.main", "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = re.search(r"http://[\d.:]+", server.stdout.readline())
        assert url is not None
        yield server, url[0]
    finally:
        server.terminate()
        server.wait(timeout=30)


def _start_s() -> float:
    start = time.perf_counter()
    with _serving() as (_, url), httpx2.Client(base_url=url, timeout=120) as http:
        _ask(http, BASE, "hello")
        return time.perf_counter() - start


def _train_anew(http: httpx2.Client, posts: list[tuple[str, str]], numbers: Iterator[int]) -> float:
    return _train(http, posts, f"model-{next(numbers)}")


def _ask_all_s(url: str, model: str, texts: list[str]) -> float:
    return asyncio.run(_ask_many(url, model, texts))


def _ask(http: httpx2.Client, model: str, text: str) -> None:
    http.post(f"/v1beta/{model}:generateContent", json=_body(text)).raise_for_status()


async def _ask_many(base_url: str, model: str, texts: list[str]) -> float:
    """Seconds for all texts over ``IN_FLIGHT`` kept-alive connections of one client.

    Raw sockets: a full HTTP client spends more time on a call than the server does, and would be what is
    measured.
    """
    host, port = base_url.removeprefix("http://").split(":")
    queue = iter(texts)

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for text in queue:
            body = json.dumps(_body(text)).encode()
            head = f"POST /v1beta/{model}:generateContent HTTP/1.1\r\nHost: {host}\r\n"
            writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            length = re.search(rb"(?i)content-length: (\d+)", answer)
            assert length is not None, answer
            await reader.readexactly(int(length[1]))
        writer.close()
        await writer.wait_closed()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - start


def _train(http: httpx2.Client, posts: list[tuple[str, str]], tuned_id: str) -> float:
    examples = [{"textInput": text, "output": label} for text, label in posts]
    task = {"hyperparameters": {"epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    body = {"baseModel": "models/gemini-3.5-flash-lite-tuning", "tuningTask": task}
    start = time.perf_counter()
    http.post("/v1beta/tunedModels", params={"tunedModelId": tuned_id}, json=body).raise_for_status()
    for _ in range(3000):
        state = http.get(f"/v1beta/tunedModels/{tuned_id}").json()["state"]
        if state != "CREATING":
            break
        time.sleep(0.1)
    assert state == "ACTIVE", state
    return time.perf_counter() - start


def _body(text: str) -> dict[str, object]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def _resident_mb(pid: int) -> float:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(match[1]) / 1024 if match else float("nan")


def _yardstick() -> float:
    def once() -> float:
        start = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number & 7
        return time.perf_counter() - start

    return min(once() for _ in range(5))


def _read(path: Path) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(row["text"], row["label"]) for row in rows]


def _make_posts() -> list[tuple[str, str]]:
    """Zipf-like words, a few of them of one label only; about 1,200 characters a post."""
    source = random.Random(0)
    words = ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=source.randint(3, 9))) for _ in range(60_000)]
    posts = []
    for number in range(LARGE):
        label = _LABELS[number % len(_LABELS)]
        own = [f"{label.partition('.')[2]}{source.randint(0, 40)}" for _ in range(8)]
        common = [words[int(60_000 ** source.random()) - 1] for _ in range(180)]
        posts.append((" ".join(common + own), label))
    return posts


if __name__ == "__main__":
    main()
