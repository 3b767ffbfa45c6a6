"""``newsgauge threshold`` certifies a cut-point on a part of a run's posts and checks it on the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.gates.run_verdict import BaselinePlace, Guard
from newsgauge.planning.plan_file import RunPlan
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result

N = 400


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., list[str]]:
    """A run of 400 answers, the surest 300 of them right; the options that name it."""

    def make(*, sure: bool = True) -> list[str]:
        posts = tuple(Post(f"a-{i}", "a", "text") for i in range(N))
        plan = Plan("made", ".", None, 0, False, "clean", ("a", "b"), posts)
        facts = RunPlan(plan, plan, None, "embedded", "none", {"v": "x"}, {"v": "x"}, N)
        place = BaselinePlace(Path("none"), "none", None, updating=False)
        guard = Guard(facts, (), results=tmp_path, required=False, baseline=place)
        guard.start()
        said = [
            Prediction("a" if i < 300 else "b", Outcome.LABEL, "", 1, 1, "m", confidence=1 - i / N if sure else None)
            for i in range(N)
        ]
        guard.conclude({(p.id, "v"): Result(p.id, "v", "a", one) for p, one in zip(posts, said, strict=True)})
        return ["threshold", "--variant", "v", "--results", str(tmp_path)]

    return make


def test_it_says_the_cut_point_its_bound_and_the_check(
    run: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*run(), "--accuracy", "0.95"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("v: answers with a confidence above 0.")
    assert said[1].startswith("certified on 300 texts: ")
    assert said[3].startswith("held out, 100 texts: ")


def test_what_cannot_be_certified_is_said_with_how_many_answers_it_takes(
    run: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    # 0.995^400 = 0.13: even if all were right; it takes log(0.05) / log(0.995) = 597.7
    assert main([*run(), "--accuracy", "0.995"]) == 3
    assert "At least 598 answers, all right, would prove it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--accuracy", "95"], "--accuracy: expected a number above 0 and below 1, got '95'"),
        (["--held-out", "1"], "--held-out: expected a number from 0 to below 1, got '1'"),
        (["--variant", "w"], "--variant: expected one of v of"),
    ],
)
def test_a_mistake_is_one_line(
    run: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main([*run(), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_run_without_confidences_says_how_to_get_them(
    run: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(run(sure=False)) == 2
    assert "the answers of v have no confidence" in capsys.readouterr().err
