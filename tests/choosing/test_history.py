"""The history of a made-up repository of twelve commits, with a rename of each kind, merges and a rebased branch."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from newsgauge.choosing.history import Checkout, Entry
from newsgauge.cli.main import main
from newsgauge.errors import UsageError
from newsgauge.gates.baseline_file import Baseline, BaselineVariant, encode

N = 10
GATES = '[embedded.bundled.labels]\nmin_accuracy = {{ limit = {}, reason = "made up" }}\n'


class Repository:
    """A git repository whose commits have dates of their own, later ones not always later."""

    def __init__(self, root: Path) -> None:
        self.root, self.n = root, 0
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, date: str = "") -> str:
        who = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
        environment = {**os.environ, **who, **dates, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-C", str(self.root), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def baseline(self, path: str = "evals/baselines/embedded/bundled.json", **right: tuple[int, str]) -> None:
        """Write a baseline: variant -> right answers, and its prompt."""
        variants = {
            name: BaselineVariant(
                prompt,
                ("gemini-3.5-flash-lite" if name == "tuned" else "priced-nowhere-1",),
                {
                    **{"n": N, "n_correct": n, "accuracy": n / N, "macro_f1": n / N, "n_errors": 0, "n_off_list": 0},
                    **{"input_tokens": 1000, "output_tokens": 100},
                },
                {f"a-{k}": "a" if k < n else "b" for k in range(N)},
            )
            for name, (n, prompt) in right.items()
        }
        self.write(path, encode(Baseline("embedded", "bundled", "plan", {"n_posts": N, "classes": "."}, variants)))

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, subject: str, *, day: int) -> None:
        self.n += 1
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject, date=f"2026-01-{day:02}T00:00:00+00:00")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Repository(tmp_path_factory.mktemp("history"))
    made.write("README.md", "no evals yet")
    made.commit("1 Start", day=1)
    made.write("evals/gates.toml", GATES.format(0.6))
    made.write("evals/variants.toml", '[labels]\nmodel = "gemini-3.5-flash-lite"\n')
    made.baseline(labels=(7, "p1"))
    made.commit("2 Accept labels", day=2)
    made.git("checkout", "-q", "-b", "side")
    made.baseline(labels=(7, "p1"), tuned=(9, "t1"))
    made.commit("3 Add tuned on a side branch", day=9)  # later than what follows on main
    made.git("checkout", "-q", "main")
    made.write("README.md", "evals")
    made.commit("4 Write about it", day=3)
    made.git("merge", "-q", "--no-ff", "-m", "5 Merge side", "side", date="2026-01-04T00:00:00+00:00")
    made.baseline(labels=(5, "p2"), tuned=(9, "t1"))
    made.commit("6 Break labels", day=5)
    made.git("mv", "evals", "checks")
    made.commit("7 Rename the folder", day=6)
    made.git("checkout", "-q", "-b", "rebased", "HEAD~1")
    made.write("other.txt", "a file of the branch")
    made.commit("8 Prepare on a branch", day=7)
    made.git("rebase", "-q", "main", date="2026-01-20T00:00:00+00:00")
    made.baseline("checks/baselines/embedded/bundled.json", labels=(8, "p3"), tuned=(9, "t1"))
    made.commit("9 Mend labels", day=8)
    made.git("checkout", "-q", "main")
    made.git("merge", "-q", "--ff-only", "rebased")
    made.baseline("checks/baselines/embedded/bundled.json", labels=(8, "p3"), vertex_tuned=(9, "t1"))
    made.commit("10 Rename tuned", day=10)
    made.write("checks/gates.toml", GATES.format(0.9))
    made.commit("11 Ask for more", day=11)
    made.baseline("checks/baselines/embedded/bundled.json", labels=(8, "p3"))
    made.commit("12 Drop the tuned model", day=12)
    assert made.git("rev-list", "--count", "HEAD").strip() == "12"
    return made.root


def test_the_history_is_what_was_done(repository: Path) -> None:
    def told(one: Entry) -> tuple[object, ...]:
        return (
            one.subject.split()[0],
            one.variant,
            one.n_correct,
            one.renamed_from,
            one.removed,
            one.broken,
            one.mended,
        )

    floor = ("min_accuracy",)
    assert [told(one) for one in Checkout(repository).entries()] == [
        ("2", "labels", 7, "", False, (), ()),
        ("3", "tuned", 9, "", False, (), ()),
        ("6", "labels", 5, "", False, floor, ()),
        ("9", "labels", 8, "", False, (), floor),
        ("10", "vertex_tuned", 9, "tuned", False, (), ()),
        ("11", "labels", 8, "", False, floor, ()),
        ("12", "vertex_tuned", 9, "", True, (), ()),
    ]


def test_an_entry_holds_accuracy_interval_and_cost(repository: Path) -> None:
    first, tuned = Checkout(repository).entries()[:2]
    assert first.accuracy == 0.7
    assert (first.low, first.high) == pytest.approx((0.3968, 0.8922), abs=1e-4)  # Wilson's interval of 7 of 10
    assert first.date.startswith("2026-01-02")
    # By the version that answered if that has a price, else by the model of variants.toml.
    assert first.cost == tuned.cost
    assert first.cost


def test_the_table_and_json_tell_the_same(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(repository)]
    assert main(["history", *root, "--variants", "labels"]) == 0
    table = capsys.readouterr().out
    assert "6 Break labels (embedded, bundled)" in table
    assert "FAIL 0/1; prompt changed; broken: min_accuracy" in table
    assert "vertex_tuned" not in table
    assert main(["history", *root, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 7
    assert main(["history", *root, "--backend", "vertex"]) == 0
    assert "no commit holds a baseline" in capsys.readouterr().out


def test_what_is_no_repository_is_said(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(UsageError, match="expected a git repository"):
        Checkout(tmp_path)
    with pytest.raises(UsageError, match="--from nonesuch: expected a revision that git knows"):
        Checkout(repository).show("nonesuch", "README.md")
    with pytest.raises(UsageError, match=r"--from HEAD: it has no evals/variants\.toml"):
        Checkout(repository).show("HEAD", "evals/variants.toml")
    Repository(tmp_path)
    with pytest.raises(UsageError, match="has no commit yet"):
        Checkout(tmp_path)


def test_a_damaged_baseline_of_a_commit_is_left_out_with_a_note(tmp_path: Path) -> None:
    made = Repository(tmp_path)
    made.write("evals/baselines/embedded/bundled.json", '{"drawn_by": ')
    made.commit("Damage it", day=1)
    made.baseline(labels=(7, "p1"))
    made.commit("Restore it", day=2)
    made.git("rm", "-q", "evals/baselines/embedded/bundled.json")
    made.commit("Take it out", day=3)
    checkout = Checkout(tmp_path)
    assert [(one.subject, one.removed) for one in checkout.entries()] == [("Restore it", False), ("Take it out", True)]
    assert "not a baseline file" in next(iter(checkout.notes))


def test_a_merge_of_limits_and_answers_shows_no_variant_again(tmp_path: Path) -> None:
    made = Repository(tmp_path)
    made.write("evals/gates.toml", GATES.format(0.6))
    made.baseline(labels=(7, "p1"), tuned=(9, "t1"))
    made.commit("Start", day=1)
    made.git("checkout", "-q", "-b", "side")
    made.baseline(labels=(7, "p1"), tuned=(8, "t2"))
    made.commit("Change tuned", day=2)
    made.git("checkout", "-q", "main")
    made.write("evals/gates.toml", GATES.format(0.8))
    made.commit("Ask for more", day=3)
    made.git("merge", "-q", "--no-ff", "-m", "Merge", "side", date="2026-01-04T00:00:00+00:00")
    told = {(one.subject, one.variant, one.broken) for one in Checkout(tmp_path).entries()[2:]}
    assert told == {("Ask for more", "labels", ("min_accuracy",)), ("Change tuned", "tuned", ())}


def test_another_project_in_the_repository_is_another_history(tmp_path: Path) -> None:
    made = Repository(tmp_path)
    made.baseline("one/evals/baselines/embedded/bundled.json", labels=(7, "p1"))
    made.commit("One", day=1)
    made.baseline("two/evals/baselines/embedded/bundled.json", labels=(9, "p2"))
    made.commit("Two", day=2)
    for name, right in (("one", 7), ("two", 9)):
        assert [one.n_correct for one in Checkout(tmp_path / name).entries()] == [right]
