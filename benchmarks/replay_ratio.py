"""What a replayed case costs against its floor in one process, by pairs that a busy machine slows alike.

The floor is as many ordinary pytest items that make the same calls of the SDK on `httpx2.MockTransport`, in one
process. Each round runs newsgauge, floor, floor, newsgauge (ABBA), so that a machine that grows busier hurts both
Start-up is left out: the CPU seconds of a small run are subtracted from those of a large one. A round whose two halves
differ by more than 10% is discarded. Prints the median, smallest and largest ratio of the rounds that are left.

    python benchmarks/replay_ratio.py [--rounds 5] [--posts-per-class 25]

The cassettes are recorded from the embedded backend where they are not there yet, into .newsgauge/benchmarks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from processes import PYTEST, run, store
from replay import CALLS, ROOT, plan_options, replay, requests_of

#: Halves of a round that differ by more say something about the machine.
MAX_DISAGREEMENT = 0.10


class Floor:
    """The calls of a plan as ordinary pytest items, in a folder of their own."""

    def __init__(self, folder: Path, asked: list[dict[str, Any]]) -> None:
        self._folder = folder / "calls"
        self._folder.mkdir(parents=True)
        (folder / "asked.json").write_text(json.dumps(asked))
        (self._folder / "pytest.ini").write_text("[pytest]\n")
        (self._folder / "test_calls.py").write_text(CALLS.format(benchmarks=str(ROOT / "benchmarks")))

    def cpu_s(self) -> float:
        """CPU seconds of the whole process."""
        taken = run([*PYTEST, "-q", "-p", "no:cacheprovider"], cwd=self._folder)
        if taken.status:
            sys.exit(f"the floor failed:\n{taken.output[-2000:]}")
        return taken.cpu_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="20newsgroups")
    parser.add_argument("--classes", default=".")
    parser.add_argument("--posts-per-class", default="25")
    parser.add_argument("--rounds", type=int, default=5, help="that are kept; at most three times as many are run")
    parser.add_argument("--cassettes", type=Path, default=ROOT / ".newsgauge" / "benchmarks" / "cassettes")
    options = parser.parse_args()
    options.cassettes = options.cassettes.resolve()
    command = [sys.executable, "-m", "newsgauge.cli.main", "record", *plan_options(options, options.posts_per_class)]
    recorded = run(command, cwd=ROOT)
    if recorded.status:
        sys.exit(f"recording failed:\n{recorded.output[-3000:]}")
    with tempfile.TemporaryDirectory() as name:
        large, small = (requests_of(options, posts) for posts in (options.posts_per_class, "1"))
        floors = Floor(Path(name, "large"), large), Floor(Path(name, "small"), small)
        n_cases = len(large) - len(small)

        def newsgauge_ms() -> float:
            more, fewer = replay(options, options.posts_per_class).cpu_s, replay(options, "1").cpu_s
            return 1e3 * (more - fewer) / n_cases

        def floor_ms() -> float:
            return 1e3 * (floors[0].cpu_s() - floors[1].cpu_s()) / n_cases

        newsgauge_ms(), floor_ms()  # compiles what is not compiled yet
        kept: list[tuple[float, float]] = []
        n_discarded = 0
        while len(kept) < options.rounds and len(kept) + n_discarded < 3 * options.rounds:
            first, floor_first, floor_second, second = newsgauge_ms(), floor_ms(), floor_ms(), newsgauge_ms()
            halves = first / floor_first, second / floor_second
            ours, theirs = (first + second) / 2, (floor_first + floor_second) / 2
            said = f"newsgauge {ours:.3f} ms a case, floor {theirs:.3f} ms: {ours / theirs:.3f}"
            if max(halves) / min(halves) > 1 + MAX_DISAGREEMENT:
                n_discarded += 1
                said += f", discarded: its halves are {halves[0]:.3f} and {halves[1]:.3f}"
            else:
                kept.append((ours, theirs))
            print(said, flush=True)
    if len(kept) < options.rounds:
        sys.exit(f"only {len(kept)} of {len(kept) + n_discarded} rounds agree with themselves: the machine is too busy")
    ratios = sorted(ours / theirs for ours, theirs in kept)
    figures = {
        "cases": len(large),
        "rounds": len(kept),
        "discarded": n_discarded,
        "ratio": {name: round(value, 3) for name, value in zip(
            ("median", "min", "max"), (statistics.median(ratios), ratios[0], ratios[-1]), strict=True
        )},
        "newsgauge_ms": round(statistics.median(ours for ours, _ in kept), 3),
        "floor_ms": round(statistics.median(theirs for _, theirs in kept), 3),
    }  # fmt: skip
    print(f"newsgauge over the floor: {figures['ratio']}")
    print(f"written: {store('replay_ratio', figures).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
