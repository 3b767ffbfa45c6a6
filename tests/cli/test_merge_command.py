"""Shards of one run are joined in any order; what disagrees or is absent is named, and is never green."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.errors import UsageError
from newsgauge.gates.run_verdict import BaselinePlace, Guard
from newsgauge.planning.plan_file import RunPlan, Shard, asked_digest, load_plan, part_of
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.variants.variants_file import load_variants

LABELS = ("a", "b")
VARIANTS = """
[plain]
about = "the post"
model = "m"
contents = "{post}"
[asked]
about = "asked"
model = "m"
contents = "Which? {post}"
"""
GATES = """
[embedded.made.asked]
min_accuracy = { limit = 0.8, bound = "value", reason = "made so" }
beats = { variant = "plain", by_at_least = 0.1, reason = "made so" }
"""
Runs = Callable[..., Path]


def digests() -> dict[str, str]:
    return {name: asked_digest(one) for name, one in load_variants(Path("evals/variants.toml")).items()}


def whole_plan(n: int = 20) -> Plan:
    shared = {3: 2, 5: 4}  # two threads of two posts
    posts = tuple(
        Post(f"{LABELS[i % 2]}-{i:02}", LABELS[i % 2], f"text {i}", f"subject {shared.get(i, i)}") for i in range(n)
    )
    return Plan("made", ".", None, 0, True, "clean", LABELS, posts)


def answer(post: Post, variant: str, *, right: bool) -> Result:
    label = post.label if right else next(label for label in LABELS if label != post.label)
    return Result(post.id, variant, post.label, Prediction(label, Outcome.LABEL, "", 10, 2, "newsgauge-embedded-1"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Write the results of a shard (or of all) as its run would: asked is right on 18 of 20, plain on none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("evals").mkdir()
    Path("evals/variants.toml").write_text(VARIANTS)
    Path("evals/gates.toml").write_text(GATES)

    def write(name: str, shard: str | None = None, *, without: int = 0, **changed: object) -> Path:
        plan = whole_plan()
        number, _, of = (shard or "").partition("/")
        one = Shard(int(number), int(of)) if shard else None
        about = RunPlan(
            plan=plan,
            part=part_of(plan, one) if one else plan,
            shard=one,
            backend="embedded",
            mode="none",
            asked=digests(),
            prompts=digests(),
            n_whole_set=100,
        )
        results = {
            (post.id, variant): answer(post, variant, right=variant == "asked" and post.id not in ("a-00", "b-01"))
            for variant in about.variants
            for post in about.part.posts[without:]
        }
        results |= changed.pop("results", {})  # type: ignore[call-overload]
        about = replace(about, **changed)  # type: ignore[arg-type]
        guard = Guard(
            about, (), results=Path(name), required=False, baseline=BaselinePlace(Path("none"), "", None, False)
        )
        guard.start()
        guard.conclude(results, failed=about.failed)
        return Path(name)

    return write


def merge(*arguments: str) -> int:
    return main(["merge", *arguments, "--results", "out"])


def gates() -> Mapping[str, object]:
    value: dict[str, object] = json.loads(Path("out/gates.json").read_text())
    return value


def findings() -> dict[str, str]:
    return {gate["gate"]: gate["finding"] for gate in gates()["gates"]}  # type: ignore[attr-defined]


def test_shards_in_any_order_are_the_whole(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    for k in (1, 2, 3):
        run(f"s{k}", f"{k}/3")
    run("whole")
    assert merge("s2", "s3", "s1") == 0
    assert findings() == {"asked": "PASS", "asked-beats-plain": "PASS"}
    assert gates()["complete"] is True
    for name in ("results.csv", "flips.csv", "scoreboard.json", "plan.json"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()
    out = capsys.readouterr().out
    assert "s3: shard 3/3, 12 of 12 cases" in out
    assert "20 posts, plan" in out
    assert "PASS  asked: accuracy 90.0% of 20; limit: at least 80.0%" in out  # 18 of 20
    assert Path("out/report.html").exists()
    assert Path("out/summary.md").exists()


def test_shards_may_overlap_and_be_of_other_numbers_where_they_agree(run: Runs) -> None:
    run("half", "1/2")
    run("quarter", "2/4")
    run("whole")
    assert merge("half", "quarter", "whole") == 0


def test_a_whole_run_merges_to_itself(run: Runs) -> None:
    assert merge(str(run("whole"))) == 0


def test_a_contradiction_names_the_case_both_answers_and_both_folders(
    run: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    post = whole_plan().posts[4]
    run("one")
    run("two", results={(post.id, "asked"): answer(post, "asked", right=False)})
    assert merge("one", "two") == 2
    err = capsys.readouterr().err
    assert (
        "one and two contradict each other on a-04-asked: a (label, 10 + 2 tokens) and b (label, 10 + 2 tokens)" in err
    )
    assert not Path("out/gates.json").exists()


def test_a_missing_shard_is_named_and_red(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("s1", "1/3")
    run("s3", "3/3")
    assert merge("s1", "s3") == 1
    out = capsys.readouterr().out
    assert "red: shard 2/3 is not among the folders: no results of 14 cases: " in out
    assert gates()["complete"] is False
    assert set(findings().values()) == {"FAIL"}


def test_a_hole_in_a_shard_is_named_and_red(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("s1", "1/2")
    folder = run("s2", "2/2", without=1)
    lost = load_plan(folder).part.posts[0].id
    assert merge("s1", "s2") == 1
    out = capsys.readouterr().out
    assert f"red: shard 2/2 was cut short or deselected cases: no results of 2 cases: {lost}-plain, {lost}-asked" in out


def test_a_broken_case_is_red(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    post = whole_plan().posts[7]
    run("whole", results={(post.id, "plain"): Result(post.id, "plain", post.label, None, "no recording of it")})
    assert merge("whole") == 1
    assert "red: no answer in 1 cases: b-07-plain; the first: no recording of it" in capsys.readouterr().out


def test_a_failed_gate_is_red(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("whole")
    Path("evals/gates.toml").write_text(GATES.replace("0.8", "0.95"))
    assert merge("whole") == 1
    assert "red: gates failed: asked" in capsys.readouterr().out


def test_another_tuning_is_another_variant(run: Runs) -> None:
    text = VARIANTS + '[t]\nabout = "t"\nmodel = "tuned"\ncontents = "{post}"\ntuning = { posts_per_class = 4 }\n'
    found = []
    for one in (text, text.replace("= 4", "= 5"), text.replace("{ posts", "{ epochs = 9, posts")):
        Path("evals/variants.toml").write_text(one)
        found.append(digests()["t"])
    assert len(set(found)) == 3


def test_tests_that_failed_in_a_shard_make_the_whole_red(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("s1", "1/2", failed=("evals/test_own.py::test_it",))
    run("s2", "2/2")
    assert merge("s1", "s2") == 1
    assert "red: tests failed in the run of s1; the first: evals/test_own.py::test_it" in capsys.readouterr().out


def test_without_gates_or_the_baseline_of_the_shards_nothing_was_proved(
    run: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    run("whole", inputs={"evals/baselines/embedded/made.json": "3f2a"})
    assert merge("whole") == 1
    lost = "red: changed since the results were made: evals/baselines/embedded/made.json ((no file), not 3f2a)"
    assert lost in capsys.readouterr().out
    run("whole")
    Path("evals/gates.toml").write_text("")
    assert merge("whole") == 1
    assert "red: no gate is set for [embedded.made]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"backend": "gemini"}, "two is not part of the same run as one: backend gemini, not embedded"),
        ({"mode": "once"}, "record mode once, not none"),
        ({"plan": whole_plan(18), "part": whole_plan(18)}, "plan "),
        ({"plan": replace(whole_plan(), corpus="other")}, "corpus other, not made"),
        ({"plan": replace(whole_plan(), preprocessing="codelab")}, "preprocessing codelab, not clean"),
        (
            {"asked": {"plain": "x"}, "prompts": {"plain": "x"}},
            "variants 1 (plain), not 2 (plain, asked)",
        ),
        ({"prompts": {"plain": "x", "asked": "y"}}, "digest of prompt or model of plain x, not "),
        ({"inputs": {"cassettes/embedded/made/plain.jsonl": "x"}}, "cassettes/embedded/made/plain.jsonl x, not None"),
        ({"inputs": {"evals/gates.toml": "x"}}, "evals/gates.toml x, not None"),
        ({"plan": replace(whole_plan(), population={"a": 5})}, "population a 5, not None"),
        ({"plan": replace(whole_plan(), slices={"x": {post.id: "y" for post in whole_plan().posts}})}, "slices x "),
        ({"trained_threads": {"plain": ("a-1",)}}, "trained threads plain 1 (a-1), not None"),
        ({"chosen_by_hand": ("--variants",)}, "options of the command line 1 (--variants), not 0 ()"),
    ],
    ids=[
        *("backend", "mode", "posts", "corpus", "preprocessing", "variants", "prompts"),
        *("cassettes", "gates", "population", "slices", "threads", "options"),
    ],
)
def test_results_of_another_run_are_refused(
    run: Runs, capsys: pytest.CaptureFixture[str], changed: dict[str, object], said: str
) -> None:
    run("one")
    run("two", **changed)
    assert merge("one", "two") == 2
    assert said in capsys.readouterr().err


def test_results_of_another_version_are_refused(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("whole", made_by="0.0.1")
    assert merge("whole") == 2
    assert "plan.json: written by newsgauge 0.0.1, this is " in capsys.readouterr().err


def test_a_run_that_was_cut_short_is_no_shard(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    (run("whole") / "plan.json").unlink()
    assert merge("whole") == 2
    assert "whole: expected plan.json and results.csv, as a run leaves them" in capsys.readouterr().err


def test_the_folder_above_the_shards_is_no_shard_and_those_are_named(
    run: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        run(f"shards/{number}", f"{number}/2")
    assert merge("shards") == 2
    assert "they are in its folders 1, 2: name those, as in shards/*" in capsys.readouterr().err


def test_a_row_of_another_post_is_refused(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    path = run("s1", "1/2") / "results.csv"
    there = {post.id for post in load_plan(Path("s1")).part.posts}
    stranger = next(post.id for post in whole_plan().posts if post.id not in there)
    path.write_text(path.read_text() + f"{stranger},plain,a,a,1,label,,1,1,m,item,,0,0,0,,,\n")
    assert merge("s1") == 2
    assert f"{stranger} (a) is not a text of shard 1/2" in capsys.readouterr().err


@pytest.mark.parametrize("change", [("Which?", "Which one?"), ("[asked]", "[other]")], ids=["prompt", "name"])
def test_variants_that_changed_since_are_refused(
    run: Runs, capsys: pytest.CaptureFixture[str], change: tuple[str, str]
) -> None:
    run("whole")
    Path("evals/variants.toml").write_text(VARIANTS.replace(*change))
    assert merge("whole") == 2
    assert "variants.toml: asked is not what the results are about" in capsys.readouterr().err


def test_results_never_go_into_a_folder_that_is_merged(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("out")
    assert merge("out") == 2
    assert "--results: out is one of the folders to merge" in capsys.readouterr().err
    assert Path("out/plan.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        ["whole", "--bogus"],
        ["whole", "--results=out", "--evals"],
        ["--bogus"],
        ["whole", "out"],
        ["whole", "--evals", "nowhere"],
    ],
    ids=" ".join,
)
def test_an_older_verdict_does_not_outlive_a_refusal(run: Runs, arguments: list[str]) -> None:
    run("whole")
    assert merge("whole") == 0
    try:
        status: object = merge(*arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2
    for name in ("gates.json", "report.html", "summary.md"):
        assert not Path("out", name).exists()


def test_help_a_valueless_option_and_the_refusal_of_another_command_remove_nothing(run: Runs) -> None:
    run("whole")
    assert main(["merge", "whole"]) == 0
    for arguments in (
        ["merge", "--help"],
        ["merge", "whole", "--results"],
        ["gates", "--bogus"],
        ["gates", "merge", "x"],
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert Path(".newsgauge/results/gates.json").exists()


def test_a_shard_that_is_named_as_the_place_of_the_whole_can_still_be_joined(run: Runs) -> None:
    run("s1", "1/2")
    run("s2", "2/2")
    assert main(["merge", "s1", "s2", "--results", "s1"]) == 2
    assert merge("s1", "s2") == 0


def test_the_plan_of_a_folder_holds_no_text_and_no_subject(run: Runs) -> None:
    text = (run("whole") / "plan.json").read_text()
    assert "text" not in text
    assert "subject" not in text
    # A thread that posts share has a number; a post of a thread of its own has none.
    threads = [post.thread for post in load_plan(Path("whole")).plan.posts[:7]]
    assert threads == [None, None, "thread 1", "thread 1", "thread 2", "thread 2", None]


def test_github_gets_a_summary_and_an_annotation_a_gate(
    run: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("whole")
    Path("evals/gates.toml").write_text(GATES.replace("0.8", "0.95"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary-of-the-job.md")
    assert merge("whole") == 1
    line = next(n for n, text in enumerate(Path("evals/gates.toml").read_text().splitlines(), 1) if ".asked]" in text)
    place = f"file=evals/gates.toml,line={line}"
    out = capsys.readouterr().out
    assert f"::error {place},title=newsgauge gate asked%3A failed::" in out
    # What is long is a group to open in the log; what decides is not in it.
    folded = out.partition("::group::newsgauge details\n")[2].partition("\n::endgroup::\n")[0]
    assert folded
    assert "newsgauge gates" not in folded
    assert " newsgauge details " not in out
    assert "RED: 1 of 2 gates passed; gates failed: asked" in Path("summary-of-the-job.md").read_text()


def test_a_report_that_cannot_be_written_changes_no_verdict(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run("whole")
    Path("out/tokens.json/in-the-way").mkdir(parents=True)
    assert main(["merge", "whole", "--results", "out"]) == 2  # it cannot be removed
    Path("out/tokens.json").rename("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("newsgauge.report.publishing.write_whole", fail)
        assert merge("whole") == 0
    assert "newsgauge: no report: full" in capsys.readouterr().err
    assert (gates()["verdict"], gates()["complete"]) == ("GREEN", True)


def fail(*arguments: object, **options: object) -> None:
    raise UsageError("full")


def test_other_artifacts_beside_the_shards_are_skipped_by_name(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    shards = [str(run(f"shard-{number}", f"{number}/2")) for number in (1, 2)]
    Path("coverage").mkdir()
    Path("coverage/index.html").write_text("")
    assert main(["merge", "coverage", *shards, "--results", "out"]) == 0
    assert "newsgauge: skipped: coverage: no plan.json in it, so no results of a run" in capsys.readouterr().out
    # One artifact alone is unpacked without a folder of its own: 'shards/*' then names its files.
    whole = run("whole")
    assert main(["merge", *map(str, sorted(whole.iterdir())), "--results", "again"]) == 0
