"""A recording goes through on a day on which every third call fails, and keeps each case once."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from gemini_emulator import server
from gemini_emulator.app import Options
from gemini_emulator.faults.faults import Fault, FaultPlan
from newsgauge.client.retry import RetryPolicy
from newsgauge.corpora.corpus import find_corpus
from newsgauge.corpora.preprocessing import PREPROCESSING
from newsgauge.errors import QuotaError
from newsgauge.planning.sampling import make_plan
from newsgauge.records import Case
from newsgauge.running.results_log import ResultLog
from newsgauge.running.run import Run
from newsgauge.running.run_config import RunConfig
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[1]


def make_setup(folder: Path, *, posts_per_class: int, variants: set[str] | None = None) -> RunConfig:
    corpus = find_corpus("bundled", bundled=ROOT / "fixtures" / "bundled")
    plan = make_plan(
        corpus.posts("test"), corpus="bundled", classes="^rec|^sci", posts_per_class=posts_per_class, seed=0,
        allow_threads=False, preprocessing="clean", preprocess=PREPROCESSING["clean"],
    )  # fmt: skip
    known = load_variants(ROOT / "evals" / "variants.toml")
    chosen = {name: variant for name, variant in known.items() if variants is None or name in variants}
    return RunConfig(corpus, plan, chosen, "embedded", "once", folder / "cassettes", "cassettes", "")


def record(setup: RunConfig, faults: list[Fault], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record every case; the waits that were asked for and not waited."""
    waits: list[float] = []
    bad_day = Options(faults=FaultPlan(tuple(faults), seed=5))
    monkeypatch.setattr(server, "EmbeddedServer", partial(server.EmbeddedServer, options=bad_day))
    retry = RetryPolicy(sleep=waits.append, rng=random.Random(0))
    log = ResultLog(folder / "log", "main")
    run = Run(setup, log, retry=retry)
    try:
        for variant in setup.variants:
            for post in setup.plan.posts:
                run.ask(Case(post, variant))
    finally:
        run.close()
    return waits


def keys(setup: RunConfig, variant: str) -> list[str]:
    return [json.loads(raw)["key"] for raw in (setup.cassettes / f"{variant}.jsonl").read_bytes().splitlines()]


@pytest.mark.slow
def test_a_recording_of_400_cases_completes_with_each_case_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    five = {"bare", "zero-shot", "system", "labels", "tuned"}
    setup = make_setup(tmp_path, posts_per_class=10, variants=five)
    faults = [
        Fault("quota-per-minute", probability=0.2, delay_s=7),
        Fault("unavailable", probability=0.1),
        Fault("reset", probability=0.05),
    ]
    waits = record(setup, faults, tmp_path, monkeypatch)
    wanted = Counter(post.id for post in setup.plan.posts)
    recorded = {variant: Counter(keys(setup, variant)) for variant in setup.variants}
    assert sum(counts.total() for counts in recorded.values()) == 400
    assert all(counts == wanted for counts in recorded.values())
    # Of 100 calls 20 meet the quota, 8 of the others the overload, 3.6 of the others the reset: 31.6 fail, and 400
    # answers take about 585 calls. Five standard deviations are 85 calls.
    assert 100 < len(waits) < 270
    assert sum(7 <= wait <= 8 for wait in waits) > 60


@pytest.mark.parametrize("kind", ["cut-json", "html", "internal", "reset"])
def test_a_broken_answer_is_asked_again_and_never_kept(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = make_setup(tmp_path, posts_per_class=1, variants={"system"})
    waits = record(setup, [Fault(kind, every=2)], tmp_path, monkeypatch)
    assert sorted(keys(setup, "system")) == sorted(post.id for post in setup.plan.posts)
    assert len(waits) == 7  # of fifteen calls every second fails: seven, and eight are answered


def test_a_quota_of_a_day_ends_the_recording_and_keeps_what_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = make_setup(tmp_path, posts_per_class=1, variants={"system"})
    with pytest.raises(QuotaError, match="used up for today"):
        record(setup, [Fault("quota-per-day", every=4)], tmp_path, monkeypatch)
    assert len(keys(setup, "system")) == 3
