"""What a replayed case costs: google-genai through a cassette, against google-genai on a mock transport alone.

All are measured in one run and take turns call by call, in CPU time, so that a busy machine slows them alike; medians.
The second question is whether the cost grows with the file: the same case in files of 100 and of 30,000 lines.

    python benchmarks/replay_case.py [--calls 3000] [--lines 30000]
"""

from __future__ import annotations

import argparse
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from google import genai
from google.genai.types import GenerateContentConfig, HttpOptions
from replay import mock_client

from newsgauge.cassettes.recorder import Recorder, RecordMode
from newsgauge.records import Post

MODEL = "gemini-3.5-flash-lite"
INSTRUCTION = "You are a service that sorts mail. Reply with the name of the newsgroup and nothing else."


def post(number: int) -> Post:
    return Post(f"sci.space-{number:06}", "sci.space", f"Post {number}\n\n" + "The mirror was ground too flat. " * 40)


def real_client() -> genai.Client:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    options = HttpOptions(client_args={"verify": context}, async_client_args={"verify": context})
    return genai.Client(vertexai=False, api_key="none", http_options=options)


def ask(client: genai.Client, text: str) -> str | None:
    config = GenerateContentConfig(system_instruction=INSTRUCTION)
    return client.models.generate_content(model=MODEL, contents=text, config=config).text


def recorder(folder: Path, mode: RecordMode) -> Recorder:
    return Recorder(folder, mode=mode, backend="embedded", shown="cassettes", rerecord=lambda variant: "")


def write_cassette(folder: Path, n_lines: int) -> None:
    """One line recorded for real, the others made from it: another key, another post."""
    client = mock_client()
    recording = recorder(folder, "once")
    for number in range(min(n_lines, 100)):
        recording.play("v", post(number), partial(ask, client, post(number).text))
    file = recording.file("v")
    line = file.read(post(0).id)
    assert line is not None
    with file.path.open("ab") as out:
        for number in range(100, n_lines):
            out.write(replace(line, key=post(number).id).encode())


def cpu_ms(call: Callable[[int], object], number: int) -> float:
    start = time.process_time_ns()
    call(number % 100)
    return (time.process_time_ns() - start) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--lines", type=int, default=30_000)
    options = parser.parse_args()
    mock, real = mock_client(), real_client()
    with tempfile.TemporaryDirectory() as name:
        played = {}
        for n_lines in (100, options.lines):
            folder = Path(name, str(n_lines))
            write_cassette(folder, n_lines)
            replay = recorder(folder, "none")
            replay.play("v", post(0), lambda: ask(real, post(0).text))  # the index is built once, here
            played[n_lines] = replay

        def case(n_lines: int) -> Callable[[int], object]:
            return lambda number: played[n_lines].play("v", post(number), lambda: ask(real, post(number).text))

        kinds = (lambda number: ask(mock, post(number).text), case(100), case(options.lines))
        times = [[cpu_ms(call, number) for call in kinds] for number in range(-20, options.calls)][20:]  # 20 warm up
    floor, small, large = (statistics.median(row[kind] for row in times) for kind in range(3))
    print(f"SDK on a mock transport      {floor:6.3f} ms CPU a call")
    print(f"SDK and cassette, 100 lines  {small:6.3f} ms   {small / floor:5.2f}x  (goal: at most 1.5x)")
    print(f"... {options.lines:,} lines         {large:6.3f} ms   {large / small:5.2f}x of that (goal: within 10%)")


if __name__ == "__main__":
    main()
