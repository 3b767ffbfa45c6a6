"""What a report costs: rendering 400 and 30,000 cases, against reading the same results folder.

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
from pathlib import Path

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


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else ".newsgauge/results")
    n_cases = len(load_run(source).results)
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, max(2, 30_000 // n_cases)):
            folder = grown(source, Path(scratch) / str(times), times)
            start = time.perf_counter()
            load_run(folder)
            read = time.perf_counter() - start
            start = time.perf_counter()
            render(folder)
            whole = time.perf_counter() - start
            tracemalloc.start()
            render(folder)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            size = (folder / "report.html").stat().st_size
            print(
                f"{n_cases * times:6,} cases: {whole:.2f} s, {whole / read:.1f} times reading them; "
                f"{size / 1e6:.2f} MB, peak {peak / 1e6:.0f} MB"
            )


if __name__ == "__main__":
    main()
