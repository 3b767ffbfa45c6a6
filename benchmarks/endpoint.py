"""What the embedded backend costs: calls a second, training, memory, start. Prints a table, asserts nothing.

    python benchmarks/endpoint.py [--posts FILE]

FILE is a JSONL of ``{"text", "label"}``; without it, posts are made up from a seeded vocabulary, as many and
as long as the real training posts of eight groups. Times depend on the machine, so each is also given as a
ratio to a yardstick measured in the same run: the time that plain Python takes for a fixed loop.
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
from pathlib import Path

import httpx2

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=Path, help="JSONL of {text, label}")
    options = parser.parse_args()
    posts = _read(options.posts) if options.posts else _make_posts()
    yardstick = _yardstick()
    rows = []
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "newsgauge.cli.main", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = re.search(r"http://[\d.:]+", server.stdout.readline())
        assert url is not None
        with httpx2.Client(base_url=url[0], timeout=120) as http:
            _ask(http, "models/gemini-3.5-flash-lite", "hello")
            rows.append(("start to first answer", time.perf_counter() - start, "s", "< 3"))
            rows.append(
                (
                    f"training, {SMALL} posts, 5 epochs, first (imports)",
                    _train(http, posts[:SMALL], "a"),
                    "s",
                    "",
                )
            )
            rows.append((f"training, {SMALL} posts, 5 epochs", _train(http, posts[:SMALL], "b"), "s", "< 2"))
            rows.append((f"training, {LARGE} posts, 5 epochs", _train(http, posts[:LARGE], "c"), "s", "< 15"))
            texts = [text for text, _ in posts[:CALLS]]
            for name, model in (("tuned, small", "b"), ("tuned, large", "c")):
                _ask(http, f"tunedModels/{model}", "warm")
                seconds = asyncio.run(_ask_many(url[0], f"tunedModels/{model}", texts))
                rows.append((f"{name}: {CALLS} calls, {IN_FLIGHT} in flight", CALLS / seconds, "calls/s", ">= 500"))
            seconds = asyncio.run(_ask_many(url[0], "models/gemini-3.5-flash-lite", texts))
            rows.append((f"base: {CALLS} calls, {IN_FLIGHT} in flight", CALLS / seconds, "calls/s", ">= 400"))
            rows.append(("resident memory after all that", _resident_mb(server.pid), "MB", "< 450"))
        stop = time.perf_counter()
        server.terminate()
        server.wait(timeout=30)
        rows.append(("SIGTERM to exit", time.perf_counter() - stop, "s", "< 2"))
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    print(f"yardstick: {yardstick * 1000:.1f} ms; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, value, unit, target in rows:
        ratio = f"{value / yardstick:10.1f} x yardstick" if unit == "s" else " " * 22
        print(f"{name:52} {value:9.2f} {unit:8} {ratio}  {target}")


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
