"""Records cases without end until it is killed: one process of the tests that kill -9 a recording.

Through the SDK, vcrpy and the recorder, as a run does. Says which case is kept: ``kept KEY``.
Each call is counted where it arrives, one byte a call in a file. Enter: folder, number of cases, that file.
"""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from pathlib import Path

import httpx2
from google import genai
from google.genai.types import HttpOptions

from newsgauge.cassettes.recorder import Recorder
from newsgauge.records import Post

ANSWER = {
    "candidates": [{"content": {"parts": [{"text": "sci.space"}], "role": "model"}, "finishReason": "STOP"}],
    "modelVersion": "mock-1",
}


def posts(n: int) -> list[Post]:
    return [
        Post(f"sci.space-{number:04}", "sci.space", f"Post {number}. " + "Long enough. " * 200) for number in range(n)
    ]


def record(folder: Path, n_cases: int, count: Path, said: int = 1) -> None:
    fd = os.open(count, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def answer(request: httpx2.Request) -> httpx2.Response:
        os.write(fd, b".")
        return httpx2.Response(200, json=ANSWER)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    options = HttpOptions(
        client_args={"transport": httpx2.MockTransport(answer)}, async_client_args={"verify": context}
    )
    client = genai.Client(vertexai=False, api_key="none", http_options=options)
    recorder = Recorder(folder, mode="once", backend="embedded", shown="cassettes", rerecord=lambda variant: "")
    for post in posts(n_cases):
        recorder.play("v", post, lambda post=post: client.models.generate_content(model="m", contents=post.text))  # type: ignore[misc]
        os.write(said, f"kept {post.id}\n".encode())


if __name__ == "__main__":
    # The imports of a first call take a second, and there are fifty processes: after one call, each line on standard
    # input forks a process that records.
    with tempfile.TemporaryDirectory() as name:
        record(Path(name), 1, Path(os.devnull), said=2)
    for line in sys.stdin:
        folder, n_cases, count = line.split()
        pid = os.fork()
        if not pid:
            record(Path(folder), int(n_cases), Path(count))
            os._exit(0)
        os.write(1, f"pid {pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(1, b"over\n")
