"""A small finished run, written by the functions that write real ones; no pytest, no model, no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newsgauge._util.files import write_json
from newsgauge.corpora.suspect_labels import SuspectText
from newsgauge.gates.session_verdict import encode_verdict, session_verdict
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.report.publishing import publish
from newsgauge.results.attachments import Attachments, CountedPost, LearningPoint
from newsgauge.results.result_files import write_flips, write_gates, write_results, write_scoreboard
from newsgauge.scoring.scoreboard import compare_variants, score
from newsgauge.scoring.scores import Verdict
from newsgauge.scoring.stats.decisions import Finding
from newsgauge.tuning.jobs import Loss

LABELS = ("rec.autos", "sci.med", "sci.space")
SECRET = "the text of post"
#: Two verdicts, one of them with what would break a page that does not escape.
VERDICTS = (
    Verdict("tuned", "tuned", Finding.PASS, ("accuracy 0.9 >= 0.5",)),
    Verdict(
        "plain", "plain", Finding.FAIL, ("</script><img src=x onerror=alert(1)> & 50%\nof |posts|",), ("lost a-1",)
    ),
)
PROMPTS = {"plain": "{post}", "tuned": "Which newsgroup?\n{post}"}
Writer = Callable[..., Path]


def prediction(post: int, label: str, variant: str, *, shift: int = 0) -> Prediction:
    """tuned is right on 9 of 10; plain chats, at length where the post number divides by 4."""
    if variant == "tuned":
        right = (post + shift) % 10 != 0
        said = label if right else LABELS[(LABELS.index(label) + 1) % len(LABELS)]
        return Prediction(said, Outcome.LABEL, "", 100 + post % 7, 4, "gemini-3.5-flash-lite")
    if post % 4 == 0:
        return Prediction(
            f"It says: {SECRET} {post}, and goes on and on", Outcome.OFF_LIST, "", 130 + post % 7, 40, "unsold-1"
        )
    return Prediction(label, Outcome.LABEL, "", 130 + post % 7, 5, "unsold-1")


def since(plan: str, variants: tuple[str, ...]) -> dict[str, Any]:
    """tuned lost the post 0, which its baseline had right, and gained none; plain answers as before."""
    same = {"n": 40, "difference": 0.0, "tango_95": [-0.1, 0.1], "n_gained": 0, "n_lost": 0, "changed": {}}
    lost = {**same, "difference": -0.025, "n_lost": 1, "changed": {"rec.autos-0": "rec.autos"}}
    found = {"plain": same, "tuned": lost}
    return {"plan": plan, "path": "evals/baselines/x.json", "variants": {name: found[name] for name in variants}}


def asked_of(posts: tuple[Post, ...], variants: tuple[str, ...], prompts: Mapping[str, str]) -> dict[str, Any]:
    """Recorded in the order of the posts."""
    lines = {post.id: number for number, post in enumerate(posts, 1)}
    return {
        "prompts": {name: [["prompt", prompts[name]]] for name in variants},
        "recordings": {name: {"path": f"cassettes/{name}.jsonl", "lines": lines} for name in variants},
    }


def write_run(
    folder: Path,
    *,
    n_posts: int = 40,
    corpus: str = "bundled",
    shift: int = 0,
    text: Callable[[int], str] = lambda i: f"{SECRET} {i}",
    shows_posts: bool = True,
    verdicts: tuple[Verdict, ...] = VERDICTS,
    variants: tuple[str, ...] = ("plain", "tuned"),
    exhibits: bool = True,
    has_baseline: bool = True,
    failed: tuple[str, ...] = (),
    prompts: Mapping[str, str] = PROMPTS,
) -> Path:
    posts = tuple(Post(f"{LABELS[i % 3]}-{i}", LABELS[i % 3], text(i)) for i in range(n_posts))
    plan = Plan(corpus, ".", None, 0, False, "clean", LABELS, posts)
    results = {
        (post.id, variant): Result(post.id, variant, post.label, prediction(i, post.label, variant, shift=shift))
        for variant in variants
        for i, post in enumerate(posts)
    }
    run = {"corpus": corpus, "backend": "embedded", "plan": plan.digest, "n_posts": n_posts, "variants": list(variants)}
    pairs = [
        compare_variants(results, posts, second, first)
        for i, first in enumerate(variants)
        for second in variants[i + 1 :]
    ]
    write_results(folder, results.values())
    write_flips(folder, pairs)
    write_scoreboard(folder, run, score(results, plan, variants), pairs)
    not_passed = [verdict.gate for verdict in verdicts if not verdict.passed]
    session = session_verdict(
        [f"gates failed: {', '.join(not_passed)}"] if not_passed else [] if verdicts else ["no gate is set"],
        failed=failed,
        n_failed=len(failed),
        exit_status=0,
        n_gates=len(verdicts),
        n_passed=len(verdicts) - len(not_passed),
        complete=True,
    )
    write_gates(folder, run, complete=True, verdicts=verdicts, undecided=(), not_run=0, session=encode_verdict(session))
    if has_baseline:
        write_json(folder / "baseline.json", since(plan.digest, variants))
    if exhibits:
        leave_exhibits(Attachments(folder, plan=plan.digest))
    shown = {post.id: post.text for post in posts} if shows_posts else {}
    publish(
        folder,
        now=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        n_whole_set=1000,
        posts=shown,
        asked=asked_of(posts, variants, prompts),
    )
    return folder


def leave_exhibits(exhibits: Attachments) -> None:
    """20 then 30 of 40 right; four steps in two epochs; plain needs 7 tokens beyond what was counted."""
    exhibits.leave_learning_curve([LearningPoint(5, 15, 20, 40), LearningPoint(10, 29, 30, 40)])
    steps = ((1, 1, 2.0), (2, 1, 1.5), (3, 2, 0.75), (4, 2, 0.5))
    exhibits.leave_loss_curve([Loss(*step) for step in steps], model="tunedModels/<own>")
    exhibits.leave_suspect_labels(
        [
            SuspectText(True, (("a-1", "<a>", "test"), ("b-7", "b", "train"))),
            SuspectText(False, (("a-2", "<a>", "test"), ("b-8", "b", "test"))),
        ]
    )
    exhibits.leave_token_counts(
        {name: [CountedPost(n, n + beyond) for n in (100, 203)] for name, beyond in (("plain", 7), ("tuned", 0))}
    )
