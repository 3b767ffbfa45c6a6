"""What N posts would cost: calls, tokens, money, time, cassettes in git, replay. From what a recorded run measured.

Measured are the run's tokens, the bytes of its cassettes, what git packs them to, and the files of its results folder;
prices come from prices.toml, limits from quotas.toml beside this file, each with source and date; the CPU time of a
replay from results/replay.json, which benchmarks/replay.py writes. The rest is multiplication (scaling_sums.py).

    pytest evals/test_newsgroups.py evals/test_gates.py --corpus 20newsgroups --classes . --posts-per-class all \
        --variants zero-shot,system,labels,tuned --cassettes DIR --results RESULTS
    python benchmarks/scaling.py RESULTS --cassettes DIR --posts 1000000 [--rpm N --tpm N --rpd N --enqueued N]

`--again DIR`: cassettes of the same plan, recorded another time; what the history of git grows by is measured too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import scaling_sums as sums
from processes import RESULTS, store
from scaling_tables import lines_of

from newsgauge.errors import UsageError
from newsgauge.planning.plan_file import load_plan
from newsgauge.results.run_folder import RunFolder, load_run
from newsgauge.running.run_options import recordings_of
from newsgauge.scoring.prices import load_prices

QUOTAS = Path(__file__).with_name("quotas.toml")
#: The files of a results folder that hold something of every post.
GROWING = ("results.csv", "results.parquet", "flips.csv", "plan.json", "report.html")


def tokens_of(run: RunFolder) -> tuple[sums.Tokens, sums.Tokens]:
    """Input and output tokens by variant, one number a post, posts in the same order: those that all answered."""
    answered: dict[str, dict[str, tuple[int, int]]] = {variant: {} for variant in run.variants}
    for result in run.results:
        if (said := result.prediction) is not None:
            answered[result.variant][result.post_id] = (said.input_tokens, said.output_tokens)
    posts = sorted(set.intersection(*(set(of_variant) for of_variant in answered.values())))
    if len(posts) < 2:
        raise UsageError(f"{run.path}: expected at least two posts that every variant answered, got {len(posts)}")
    inputs = {name: [of[post][0] for post in posts] for name, of in answered.items()}
    return inputs, {name: [of[post][1] for post in posts] for name, of in answered.items()}


def cassettes_of(root: Path, run: RunFolder) -> dict[str, Path]:
    corpus = recordings_of(run.run["corpus"], load_plan(run.path).plan.preprocessing)
    found = {variant: root / run.run["backend"] / corpus / f"{variant}.jsonl" for variant in run.variants}
    for path in found.values():
        if not path.is_file() or not path.stat().st_size:
            raise UsageError(
                f"{path}: expected the cassette of this run, it is not there; --cassettes names its folder"
            )
    return found


def packed_bytes(commits: Iterable[Sequence[Path]], *, deltas: bool = True) -> list[int]:
    """Bytes of git's packs after each of the commits, which replace one another's files, and a `git gc`.

    ``deltas`` False: each file for itself, as git packs files of more than 512 MiB.
    """
    # A `git gc` of somebody's own settings would pack otherwise.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    settings = ["user.name=newsgauge", "user.email=newsgauge@example.invalid", "gc.auto=0"]
    settings += [] if deltas else ["core.bigFileThreshold=1"]
    options = [word for setting in settings for word in ("-c", setting)]
    sizes = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def git(*words: str) -> None:
            subprocess.run(["git", *options, *words], cwd=folder, env=environment, check=True, capture_output=True)

        git("init", "-q")
        for files in commits:
            for file in files:
                shutil.copy(file, folder / file.name)
            git("add", ".")
            git("commit", "-q", "--allow-empty", "-m", "cassettes")
            git("gc", "-q")
            sizes.append(sum(pack.stat().st_size for pack in folder.glob(".git/objects/pack/*.pack")))
    return sizes


def measured_cassettes(cassettes: Mapping[str, Path], again: Mapping[str, Path] | None) -> dict[str, Any]:
    """Bytes a line: of each file, packed with and without deltas, and what a second recording adds."""
    lines = {variant: path.read_bytes().splitlines(keepends=True) for variant, path in cassettes.items()}
    with tempfile.TemporaryDirectory() as name:
        quarters = [Path(name) / f"{variant}.jsonl" for variant in cassettes]
        for quarter, of_variant in zip(quarters, lines.values(), strict=True):
            quarter.write_bytes(b"".join(of_variant[: max(1, len(of_variant) // 4)]))
        (packed_of_quarter,) = packed_bytes([quarters], deltas=False)
    files = list(cassettes.values())
    packed = packed_bytes([files] if again is None else [files, list(again.values())])
    (packed_alone,) = packed_bytes([files], deltas=False)
    n_lines = sum(map(len, lines.values()))
    return {
        "bytes_a_line": {variant: cassettes[variant].stat().st_size / len(lines[variant]) for variant in cassettes},
        "packed": packed[0] / n_lines,
        "packed_without_deltas": packed_alone / n_lines,
        "packed_without_deltas_in_a_quarter": packed_of_quarter / sum(max(1, len(one) // 4) for one in lines.values()),
        "added_by_a_second_recording": (packed[1] - packed[0]) / n_lines if again else None,
    }


def scaled(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: what was measured, and what follows for ``options.posts`` posts. Raises `UsageError`."""
    run = load_run(options.results)
    cassettes = measured_cassettes(
        cassettes_of(options.cassettes, run), cassettes_of(options.again, run) if options.again else None
    )
    quotas = tomllib.loads(QUOTAS.read_text("utf-8"))
    inputs, outputs = tokens_of(run)
    n_measured, n_posts = len(next(iter(inputs.values()))), options.posts
    calls = n_posts * len(run.variants)
    left = {path.name: path.stat().st_size for path in sorted(run.path.iterdir()) if path.is_file()}
    money = sums.money(load_prices(), inputs, outputs, n_posts)
    total_in = sums.totals(inputs, n_posts)
    tokens_in = total_in["all"]["value"]
    assert tokens_in is not None  # the baseline's posts have been counted
    usd = money.get(options.model, {}).get("interactive", {}).get("value")
    own = sums.Quota(options.rpm, options.tpm, options.rpd, enqueued=options.enqueued)
    replay = RESULTS / "replay.json"
    return {
        "measured": {
            **{key: run.run[key] for key in ("corpus", "backend", "plan")},
            "posts": n_measured,
            "variants": list(run.variants),
            "model_versions": sorted(set(run.model_versions)),
            "shared_input_tokens": sums.shared_tokens(inputs),
            "cassettes": cassettes,
            "results_bytes": left,
        },
        "posts": n_posts,
        "calls": calls,
        "input_tokens": total_in,
        "output_tokens": sums.totals(outputs, n_posts),
        "usd": money,
        "time": {
            "model": options.model,
            "by_quota": sums.times(quotas, options.model, own, n_posts, calls, tokens_in, usd),
        },
        "cassette_bytes": sums.cassette_bytes(cassettes, n_posts),
        "github": sums.github(quotas["github"]["limits"], cassettes),
        "results_bytes": {name: left[name] / n_measured * n_posts for name in GROWING if name in left},
        "replay": sums.replay(json.loads(replay.read_text("utf-8")), calls) if replay.exists() else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the results folder of a recorded run")
    parser.add_argument("--cassettes", type=Path, default=Path("cassettes"), help="folder of its cassettes")
    parser.add_argument("--again", type=Path, help="another recording of the same plan")
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--model", default="gemini-3.5-flash-lite", help="whose price and quotas make the time")
    parser.add_argument("--rpm", type=float, help="requests a minute of your account")
    parser.add_argument("--tpm", type=float, help="input tokens a minute")
    parser.add_argument("--rpd", type=float, help="requests a day")
    parser.add_argument("--enqueued", type=float, help="tokens that your account may queue as batches")
    parser.add_argument("--store", action="store_true", help="write benchmarks/results/scaling.json")
    options = parser.parse_args()
    numbers = (options.posts, options.rpm, options.tpm, options.rpd, options.enqueued)
    if any(number is not None and number <= 0 for number in numbers):
        parser.error("expected --posts, --rpm, --tpm, --rpd and --enqueued above 0")
    if options.enqueued and not (options.rpm or options.tpm or options.rpd):
        parser.error("expected --rpm, --tpm or --rpd beside --enqueued")
    try:
        figures = scaled(options)
    except UsageError as error:
        print(f"newsgauge: {error}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(lines_of(figures, tomllib.loads(QUOTAS.read_text("utf-8")), load_prices())))
    if options.store:
        print(f"\nwritten: benchmarks/results/{store('scaling', figures).name}")


if __name__ == "__main__":
    main()
