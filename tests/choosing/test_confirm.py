"""A choice is confirmed on posts that no decision was made on, once, and the ledger counts what a sample decided."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge._util.pytest_ini import Folders
from newsgauge.choosing.confirming import Rate, decide, load_confirmations, shrinkage
from newsgauge.choosing.ledger import Ledger, fresh_plan
from newsgauge.cli.main import main
from newsgauge.errors import UsageError
from newsgauge.planning.stops import Stop, save_stops
from newsgauge.running.run_config import RunConfig
from newsgauge.running.run_options import default_options, setup_of
from newsgauge.scoring.stats import wilson_interval
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[2]
PLAN = ["--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
VARIANTS = """
[system]
about = "told to classify"
model = "gemini-3.5-flash-lite"
system_instruction = "Name the newsgroup this mail was posted to."
contents = "{post}"
[labels]
about = "told the labels"
model = "gemini-3.5-flash-lite"
system_instruction = "Name one of {labels}"
contents = "{post}"
answer = "enum"
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose sample of eight posts is recorded."""
    folder = tmp_path_factory.mktemp("recorded") / "project"
    (folder / "evals").mkdir(parents=True)
    (folder / "evals" / "variants.toml").write_text(VARIANTS)
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "bundled").symlink_to(ROOT / "fixtures" / "bundled")
    assert main(["record", "--root", str(folder), "--allow-record-in-ci", *PLAN]) == 0
    return folder


@pytest.fixture
def project(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as the current folder, where nothing says CI."""
    monkeypatch.delenv("CI", raising=False)
    shutil.copytree(recorded, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def sample(**changed: object) -> RunConfig:
    folders = Folders(ROOT)
    option = default_options(**{"classes": "^sci.(space|med)$", "posts_per_class": "4", **changed})
    return setup_of(option, load_variants(ROOT / "evals/variants.toml"), root=ROOT, ini=folders.ini)


def rate(value: float, low: float, high: float) -> Rate:
    return Rate("p", 80, value, low, high)


def test_a_lead_is_confirmed_once_and_then_replayed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confirm", "labels", "--against", "system", *PLAN]) == 0
    said = capsys.readouterr().out
    assert "asks embedded 16 times: system 8, labels 8" in said
    assert "cost: about" in said
    assert "verdict       CONFIRMED" in said
    file = project / "evals/baselines/embedded/confirmations.json"
    written = file.read_text()
    (kept,) = load_confirmations(file)
    assert not {post.id for post in sample().plan.posts} & set(kept.posts)
    assert main(["confirm", "labels", "--against", "system", *PLAN, "--json"]) == 0
    again = capsys.readouterr()
    assert "confirmed before, on 8 texts" in again.err
    assert "16 answers are recorded and replayed; live they would cost" in again.err
    assert json.loads(again.out)["posts"] == list(kept.posts)
    assert file.read_text() == written
    assert main(["confirm", "labels", *PLAN]) in (0, 1)
    assert not set(load_confirmations(file)[1].posts) & set(kept.posts)
    assert "this sample has decided 2 times" in capsys.readouterr().out
    assert main(["cassettes", "check"]) == 0
    # A recording that stopped early was chosen on what it asked until then.
    stop = Stop(n=6, look=3, looks=(2, 4, 6, 8), limits=())
    save_stops(project / "cassettes" / "embedded" / "bundled", sample().plan.digest, {"labels": stop})
    capsys.readouterr()
    assert main(["confirm", "labels", *PLAN, "--json"]) in (0, 1)
    stopped = json.loads(capsys.readouterr().out)
    assert (stopped["chosen"]["n"], stopped["confirmed"]["n"]) == (6, 8)
    shutil.rmtree(project / "cassettes" / "embedded" / "bundled")
    assert main(["confirm", "system", *PLAN]) == 2
    assert "system" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonesuch"], "confirm: unknown variant 'nonesuch'; known: system, labels"),
        (["labels", "--against", "labels"], "--against labels: expected another variant"),
        (["labels", "--posts", "100"], "--posts 100: expected at least 2, one of each label, and at most 16"),
        (["labels", "--posts", "1"], "--posts 1: expected at least 2"),
    ],
)
def test_what_cannot_be_confirmed_is_said_in_words(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["confirm", *arguments, *PLAN]) == 2
    assert said in capsys.readouterr().err


def test_fresh_posts_are_the_next_of_the_draw() -> None:
    setup, larger = sample(), sample(posts_per_class="6")
    fresh = fresh_plan(setup, {post.id for post in setup.plan.posts}, 4)
    assert {p.id for p in fresh.posts} | {p.id for p in setup.plan.posts} == {p.id for p in larger.plan.posts}
    assert len(fresh.posts) == 4


def test_fresh_posts_share_no_thread_with_used_ones() -> None:
    setup = sample()
    used = {post.id for post in setup.plan.posts}
    fresh = fresh_plan(setup, used, None)
    threads = {post.thread for post in setup.plan.posts} - {None}
    assert not threads & {post.thread for post in fresh.posts}
    assert len(fresh.posts) == 8


@pytest.mark.parametrize("n", [None, 4])
def test_without_a_fresh_post_nothing_is_drawn_and_every_used_up_label_is_named(n: int | None) -> None:
    setup = sample()
    everything = {raw.id for raw in setup.corpus.posts("test")}
    first, second = setup.plan.labels
    of_first = {raw.id for raw in setup.corpus.posts("test") if raw.label == first}
    for used, named in ((everything, f"{first}, {second}"), (of_first, first)):
        with pytest.raises(UsageError, match=rf"expected 2 fresh posts or more.* of {named}\. Add some") as raised:
            fresh_plan(setup, used, n)
        assert "--posts" not in str(raised.value)


def test_shrinkage_is_newcombes_interval_of_two_samples() -> None:
    # Newcombe 1998, table II, method 10 of 56/70 and 48/80: 0.0524 to 0.3339, made from Wilson's intervals.
    first, second = wilson_interval(56, 70), wilson_interval(48, 80)
    value, low, high = shrinkage(rate(56 / 70, *first), rate(48 / 80, *second))
    assert (value, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_verdict_rests_on_the_fresh_posts() -> None:
    none = (-1.0, 1.0)
    assert decide(rate(0.1, 0.01, 0.2), none, is_lead=True) == "CONFIRMED"
    assert decide(rate(0.1, -0.01, 0.2), none, is_lead=True) == "INCONCLUSIVE"
    assert decide(rate(-0.1, -0.2, -0.01), none, is_lead=True) == "REFUTED"
    assert decide(rate(0.8, 0.7, 0.9), (0.01, 0.2), is_lead=False) == "LOWER"
    assert decide(rate(0.8, 0.7, 0.9), none, is_lead=False) == "NOT SHOWN TO BE LOWER"


def test_the_ledger_counts_a_question_once_and_changed_limits_as_a_decision(tmp_path: Path) -> None:
    plan = sample().plan
    ledger = Ledger(tmp_path / "bundled.decisions.jsonl", "limits one")
    for about in ("first", "first", "second"):
        ledger.note("update-baseline", about, plan, environ={})
    ledger.note("compare", "third", plan, environ={"CI": "true"})
    assert ledger.n_decisions(plan.digest) == 2
    assert ledger.used() == {post.id for post in plan.posts}
    assert replace(ledger, gates="limits two").n_decisions(plan.digest) == 3
    assert ledger.n_decisions("another plan") == 0
    assert ledger.header("another plan") == []
    # Runs that end at once: each decision is there, whole, and the posts are there once.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda about: ledger.note("compare", about, plan, environ={}), ["fourth", "fifth"] * 20))
    assert ledger.n_decisions(plan.digest) == 4
    assert ledger.path.read_text().count('"posts"') == 1
    ledger.path.write_text("".join(ledger.path.read_text().splitlines(keepends=True)[:2]))
    # Two branches that each decided: what git leaves holds the decisions of both.
    first, second = ledger.path.read_text().splitlines()
    ledger.path.write_text(f"<<<<<<< HEAD\n{first}\n=======\n{second}\n>>>>>>> theirs\n")
    assert ledger.n_decisions(plan.digest) == 2
    ledger.path.write_text("{}\n")
    with pytest.raises(UsageError, match="line 1: expected a decision as JSON"):
        ledger.used()


def test_a_damaged_file_of_confirmations_is_named(tmp_path: Path) -> None:
    path = tmp_path / "confirmations.json"
    path.write_text('{"confirmations": [{}]}')
    with pytest.raises(UsageError, match=r"confirmations\.json: not a file of confirmations"):
        load_confirmations(path)
