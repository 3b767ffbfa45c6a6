"""What a report costs: rendering 400 and 30,000 cases, against reading the same results folder.

Both take turns (processes.alternate), in CPU time of one process.

    python benchmarks/report.py [folder of results]
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

from processes import Ratio, alternate, ratio_table

from newsgauge.report.publishing import render
from newsgauge.results.run_folder import load_run


def grown(source: Path, target: Path, times: int) -> Path:
    """The same run with each post there ``times`` times, under other ids."""
    shutil.copytree(source, target)
    with (source / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (target / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "id": f"{row['id']}-{i}"} for row in rows for i in range(times))
    if (target / "posts.json").exists():
        posts = json.loads((target / "posts.json").read_text())
        posts["posts"] = {f"{key}-{i}": f"{i} {text}" for key, text in posts["posts"].items() for i in range(times)}
        (target / "posts.json").write_text(json.dumps(posts))
    return target


def cpu_ms(do: Callable[[], object]) -> float:
    start = time.process_time()
    do()
    return 1e3 * (time.process_time() - start)


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else ".newsgauge/results")
    n_cases = len(load_run(source).results)
    if not n_cases:
        sys.exit(f"{source}: expected the results of a whole run, and it holds no case. Run: pytest evals")
    rows: dict[str, tuple[Ratio, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, max(2, 30_000 // n_cases)):
            folder = grown(source, Path(scratch) / str(times), times)
            rendered = partial(cpu_ms, partial(render, folder))
            cases = f"{n_cases * times:,} cases"
            rows[f"a report of {cases} against reading them"] = (
                alternate(cases, rendered, partial(cpu_ms, partial(load_run, folder))),
                "ms of CPU",
            )
            tracemalloc.start()
            render(folder)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            size = (folder / "report.html").stat().st_size
            print(f"{cases}: {size / 1e6:.2f} MB, peak {peak / 1e6:.0f} MB", flush=True)
    print("\n".join(ratio_table(rows)))


if __name__ == "__main__":
    main()
