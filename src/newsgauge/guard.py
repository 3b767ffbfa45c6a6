"""Keeps a run from being green wrongly: holds what was planned against what was seen, on the one process that judges.

The plan says which cases and gates there are; results and verdicts arrive in any order from any process. A gate counts
as passed only where its own test reported so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from .baseline_diff import VariantChange, diff_baselines
from .baselines import Baseline, answer_text, baseline_answers, encode, make_baseline, prompt_digest
from .comparisons import compare, compare_variants
from .gates import BaselineGate, Gate
from .records import Comparison, Result, Score, Verdict
from .report.files import write_flips, write_gates, write_results, write_scoreboard, write_whole
from .results import Key
from .run import Setup
from .scoreboard import score


@dataclass(frozen=True, slots=True)
class BaselinePlace:
    """The baseline file of a run: where it is, what it holds (None: there is no file), whether it is to be written."""

    path: Path
    shown: str
    held: Baseline | None
    updating: bool


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a run came to. ``complaints`` say why it must not be green; empty where it may be.

    ``notes``: what was not held, and is no reason for red. ``changes``: what was written into the baseline.
    ``flips``: variants of a live run against their baseline answers; a replay is held to those letter for letter.
    """

    scores: Mapping[str, Score]
    verdicts: Mapping[str, Verdict]
    undecided: tuple[str, ...]
    n_not_run: int
    complete: bool
    complaints: tuple[str, ...]
    notes: tuple[str, ...]
    changes: tuple[VariantChange, ...] | None
    flips: tuple[Comparison, ...] = ()


@dataclass
class Guard:
    """Collects verdicts while a run goes on, concludes when it is over."""

    setup: Setup
    gates: tuple[Gate, ...]
    results: Path
    required: bool
    baseline: BaselinePlace
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
        complete = bool(self._set_gates) and not undecided and all(scores[variant].complete for variant in gated)
        comparisons = [
            compare_variants(results, self.setup.plan.posts, second, first)
            for first, second in combinations(self.setup.variants, 2)
            if scores[first].complete and scores[second].complete
        ]
        write_results(self.results, found)
        write_flips(self.results, comparisons)
        write_scoreboard(self.results, self.describe(), scores, comparisons)
        write_gates(
            self.results,
            self.describe(),
            complete=complete,
            verdicts=verdicts.values(),
            undecided=undecided,
            not_run=n_not_run,
        )
        complaints = self._complaints(verdicts, undecided, n_not_run) if self.required else ()
        flips = self._flips(scores, results)
        return Conclusion(scores, verdicts, undecided, n_not_run, complete, complaints, self._notes(), None, flips)

    def update_baseline(self, scores: Mapping[str, Score], results: Mapping[Key, Result]) -> tuple[VariantChange, ...]:
        """Write the baseline file from this run, whole or not at all. Raises `UsageError` where that cannot be."""
        setup, place = self.setup, self.baseline
        models = {name: training.model for name, training in setup.trainings.items()}
        new = make_baseline(
            backend=setup.backend,
            plan=setup.plan,
            corpus=setup.plan.corpus,
            prompts={name: prompt_digest(one, models.get(name, one.model)) for name, one in setup.variants.items()},
            scores=scores,
            results=results,
            old=place.held,
        )
        write_whole(place.path, encode(new), option="--update-baseline")
        return diff_baselines(place.held, new)

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

    @property
    def _set_gates(self) -> list[Gate]:
        """Those that somebody set: not the ones that are there because a baseline file is."""
        return [gate for gate in self.gates if not isinstance(gate, BaselineGate) or gate.max_drop is not None]

    def _flips(self, scores: Mapping[str, Score], results: Mapping[Key, Result]) -> tuple[Comparison, ...]:
        held = self.baseline.held
        if self.setup.replays or held is None:
            return ()
        found = []
        for variant in self.setup.variants:
            known = baseline_answers(held, variant)
            posts = [post for post in self.setup.plan.posts if post.id in known]
            if posts and scores[variant].complete:
                now = {post.id: answer_text(results[post.id, variant]) for post in posts}
                found.append(compare(posts, now, known, names=(variant, "baseline")))
        return tuple(found)

    def _notes(self) -> tuple[str, ...]:
        place = self.baseline
        if place.updating:
            return ()
        if place.held is None:
            return (f"no baseline: there is no {place.shown}; pytest evals --update-baseline writes it",)
        held = {gate.variant for gate in self.gates if isinstance(gate, BaselineGate)}
        free = [variant for variant in self.setup.variants if variant not in held]
        if not free:
            return ()
        if not self.setup.replays:
            return (f"not held to the baseline in a live run, as gates.toml sets no max_drop: {', '.join(free)}",)
        why = (
            "does not know"
            if not any(baseline_answers(place.held, name) for name in free)
            else "is about other posts for"
        )
        return (f"the baseline {place.shown} {why} {', '.join(free)}",)

    def _complaints(
        self, verdicts: Mapping[str, Verdict], undecided: tuple[str, ...], n_not_run: int
    ) -> tuple[str, ...]:
        complaints = []
        if not self._set_gates:
            complaints.append(
                f"no gate is set for [{self.setup.backend}.{self.setup.plan.corpus}] and these variants in gates.toml"
            )
        if undecided:
            complaints.append(f"gates not decided: {', '.join(undecided)}")
        for word, finding in (("failed", "FAIL"), ("inconclusive", "INCONCLUSIVE")):
            names = [name for name, verdict in verdicts.items() if verdict.finding == finding]
            if names:
                complaints.append(f"gates {word}: {', '.join(names)}")
        if n_not_run:
            complaints.append(
                f"{n_not_run} of {self._n_planned} planned cases did not run (deselected, or the run was cut short); "
                "where that is meant, say --no-require-gates"
            )
        return tuple(complaints)
