"""Keeps a run from being green wrongly: holds what was planned against what was seen, on the one process that judges.

The plan says which cases and gates there are; results and verdicts arrive in any order from any process. A gate counts
as passed only where its own test reported so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .gates import Gate
from .records import Result, Score, Verdict
from .report.files import write_gates, write_results, write_scoreboard
from .results import Key
from .run import Setup
from .scoreboard import score


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a run came to. ``complaints`` say why it must not be green; empty where it may be."""

    scores: Mapping[str, Score]
    verdicts: Mapping[str, Verdict]
    undecided: tuple[str, ...]
    n_not_run: int
    complete: bool
    complaints: tuple[str, ...]


@dataclass
class Guard:
    """Collects verdicts while a run goes on, concludes when it is over."""

    setup: Setup
    gates: tuple[Gate, ...]
    results: Path
    required: bool
    _verdicts: dict[str, Verdict] = field(default_factory=dict)

    def start(self) -> None:
        """Put ``gates.json`` on disk as incomplete, so that a run that dies leaves no older verdict to be read."""
        write_gates(
            self.results,
            self.describe(),
            complete=False,
            verdicts=(),
            undecided=[gate.name for gate in self.gates],
            not_run=self._n_planned,
        )

    def add(self, verdict: Verdict) -> None:
        """Take in a gate's verdict; of two about one gate the later counts."""
        self._verdicts[verdict.gate] = verdict

    def conclude(self, results: Mapping[Key, Result]) -> Conclusion:
        """Compare planned with seen, write the results folder, and say what forbids green."""
        scores = score(results, self.setup.plan, self.setup.variants)
        verdicts = {gate.name: self._verdicts[gate.name] for gate in self.gates if gate.name in self._verdicts}
        undecided = tuple(gate.name for gate in self.gates if gate.name not in verdicts)
        planned = [(post.id, variant) for variant in self.setup.variants for post in self.setup.plan.posts]
        found = [results[key] for key in planned if key in results]
        n_not_run = len(planned) - sum(result.origin == "item" for result in found)
        gated = {variant for gate in self.gates for variant in gate.variants}
        complete = bool(self.gates) and not undecided and all(scores[variant].complete for variant in gated)
        write_results(self.results, found)
        write_scoreboard(self.results, self.describe(), scores)
        write_gates(
            self.results,
            self.describe(),
            complete=complete,
            verdicts=verdicts.values(),
            undecided=undecided,
            not_run=n_not_run,
        )
        complaints = self._complaints(verdicts, undecided, n_not_run) if self.required else ()
        return Conclusion(scores, verdicts, undecided, n_not_run, complete, complaints)

    def describe(self) -> dict[str, object]:
        """What was run, for the results folder."""
        plan = self.setup.plan
        return {
            "corpus": plan.corpus,
            "backend": self.setup.backend,
            "plan": plan.digest,
            "classes": plan.classes,
            "posts_per_class": plan.posts_per_class,
            "sample_seed": plan.seed,
            "n_posts": len(plan.posts),
            "variants": list(self.setup.variants),
            "record_mode": self.setup.mode,
        }

    @property
    def _n_planned(self) -> int:
        return len(self.setup.plan.posts) * len(self.setup.variants)

    def _complaints(
        self, verdicts: Mapping[str, Verdict], undecided: tuple[str, ...], n_not_run: int
    ) -> tuple[str, ...]:
        complaints = []
        if not self.gates:
            complaints.append(
                f"no gate is set for [{self.setup.backend}.{self.setup.plan.corpus}] and these variants in gates.toml"
            )
        if undecided:
            complaints.append(f"gates not decided: {', '.join(undecided)}")
        failed = [name for name, verdict in verdicts.items() if not verdict.passed]
        if failed:
            complaints.append(f"gates failed: {', '.join(failed)}")
        if n_not_run:
            complaints.append(
                f"{n_not_run} of {self._n_planned} planned cases did not run (deselected, or the run was cut short); "
                "where that is meant, say --no-require-gates"
            )
        return tuple(complaints)
