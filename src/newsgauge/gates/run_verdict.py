"""Keeps a run from being wrongly green: compares what was planned with what was seen, in the process that decides.

The plan says which cases and gates there are; results and verdicts arrive in any order from any process. A gate counts
as passed only if its own test reported so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .._util.files import write_json, write_whole
from .._util.wording import count_of
from ..errors import UsageError
from ..planning.plan_file import NAME, RunPlan, encode_plan
from ..records import Key, Result, case_id
from ..results.result_files import digest_results, write_flips, write_gates, write_results, write_scoreboard
from ..scoring.scoreboard import compare, compared_pairs, rows_of, score
from ..scoring.scores import Comparison, Score, Verdict
from .baseline_diff import VariantChange, diff_baselines
from .baseline_file import Baseline, encode, is_about_classes, load_baseline, make_baseline
from .baseline_gate import BaselineGate, compare_since, since_baseline
from .gate import Ages, Evidence, Gate, decide
from .gates_file import LeftOut
from .session_verdict import SessionVerdict, encode_verdict, session_verdict
from .stopping import stop_faults

#: The number of failed tests that the results folder names.
MAX_FAILED = 100
_IN_MERGE = "decided by newsgauge merge, from the results of all shards"


@dataclass(frozen=True, slots=True)
class BaselinePlace:
    """The baseline file of a run: where it is, what it holds (None: there is no file), whether it is to be written.

    ``known``: the variants of variants.toml; what others left in the file is dropped when it is written.
    """

    path: Path
    shown: str
    held: Baseline | None
    updating: bool
    known: tuple[str, ...] | None = None

    @property
    def removed(self) -> list[str]:
        """Variants of the file that variants.toml no longer has."""
        variants = self.held.variants if self.held is not None and self.known is not None else ()
        return [name for name in variants if name not in (self.known or ())]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The outcome of a run. ``session`` decides whether it is green.

    ``stand_ins``: a line for each variant whose answers are another model's. ``changes``: what was written into the
    baseline.
    ``flips``: variants of a live run against their baseline answers; a replay is held to those letter for letter.
    """

    scores: Mapping[str, Score]
    verdicts: Mapping[str, Verdict]
    undecided: tuple[str, ...]
    session: SessionVerdict
    stand_ins: tuple[str, ...]
    changes: tuple[VariantChange, ...] | None
    flips: tuple[Comparison, ...] = ()


@dataclass
class Guard:
    """Collects verdicts during a run and concludes at its end. A shard decides no gate.

    ``required``: if planned and seen differ, that is a reason for red. A gate that did not pass always is.
    """

    run: RunPlan
    gates: tuple[Gate, ...]
    results: Path
    required: bool
    baseline: BaselinePlace
    left_out: tuple[LeftOut, ...] = ()
    why_not_run: str = " (deselected, or the run was cut short); where that is meant, say --no-require-gates"
    _verdicts: dict[str, Verdict] = field(default_factory=dict)

    def start(self) -> None:
        """Put ``gates.json`` on disk as incomplete, so that a run that dies leaves no older verdict to be read.

        Nor an older plan: without one no results are joined.
        """
        undecided = [gate.name for gate in self.gates]
        self._write_gates(SessionVerdict(("the run is not over",), n_cases_not_run=self._n), (), undecided)
        (self.results / NAME).unlink(missing_ok=True)

    def add(self, verdict: Verdict) -> None:
        """Take in a gate's verdict; of two about one gate the later counts."""
        self._verdicts[verdict.gate] = verdict

    def decide(
        self, results: Mapping[Key, Result], *, ages: Ages | None = None, names: Collection[str] | None = None
    ) -> Iterator[Verdict]:
        """Every gate, or those of ``names``, decided anew from these results and the files of this process."""
        evidence = Evidence(
            plan=self.run.plan,
            scores=score(results, self.run.plan, self.run.variants),
            results=results,
            live=not self.run.replays,
            family=self.gates,
            baseline=self.baseline.held,
            ages=ages,
        )
        yield from (decide(gate, evidence) for gate in self.gates if names is None or gate.name in names)

    def conclude(
        self,
        results: Mapping[Key, Result],
        *,
        stand_ins: Iterable[str] = (),
        left_out: Iterable[str] = (),
        failed: Sequence[str] = (),
        n_failed: int | None = None,
        exit_status: int = 0,
        missing: Sequence[str] = (),
    ) -> Conclusion:
        """Compare planned with seen, write the baseline if asked to, then the results folder; say what forbids green.

        ``stand_ins``, ``left_out`` and ``failed`` are for the folder, see `RunPlan`; ``n_failed``: how many failed
        tests count against green, None: all of them.
        ``exit_status``: what pytest would end with; ``missing``: further reasons for red.
        """
        planned = [(post.id, variant) for variant in self.run.variants for post in self.run.part.asked(variant)]
        found = [results[key] for key in planned if key in results]
        broken = Counter(result.variant for result in found if result.prediction is None)
        explains_1 = bool(failed) or not all(verdict.passed for verdict in self._verdicts.values())
        # Cases without an answer are reported once per variant, not as failed tests.
        cases = {f"[{case_id(result.post_id, result.variant)}]" for result in found if result.prediction is None}
        failed = [name for name in failed if name[name.find("[") :] not in cases]
        shown = tuple(failed[:MAX_FAILED])
        run = replace(self.run, stand_ins=tuple(stand_ins), left_out=tuple(left_out), failed=shown)
        scores = score(results, run.part, run.variants, trained_threads=run.trained_threads)
        verdicts = {gate.name: self._verdicts[gate.name] for gate in self.gates if gate.name in self._verdicts}
        undecided = tuple(gate.name for gate in self.gates if gate.name not in verdicts)
        n_not_run = len(planned) - sum(result.origin == "item" for result in found)
        gated = {variant for gate in self.gates for variant in gate.variants}
        complete = (
            run.shard is None
            and bool(self._set_gates)
            and not undecided
            and all(scores[variant].complete for variant in gated)
        )
        rows = {name: rows_of(results, name) for name in run.variants if scores[name].complete}
        comparisons = [
            compare(run.part.shared(second, first), rows[second], rows[first], names=(second, first))
            for first, second in compared_pairs(run.variants)
            if first in rows and second in rows
        ]
        changes, refused = self._update_baseline(scores, results, exit_status)
        each = ", ".join(f"{n:,} of {variant}" for variant, n in broken.items())
        unanswered = [f"{count_of(broken.total(), 'case has', 'cases have')} no answer: {each}"] if broken else []
        place = self.baseline
        stopped = (
            ()
            if run.shard is not None
            else stop_faults(run.plan, self.gates, results, place.held, updating=place.updating)
        )
        session = session_verdict(
            [*missing, *stopped, *unanswered, *self._complaints(verdicts, undecided, n_not_run), *refused],
            failed=run.failed,
            n_failed=len(failed) if n_failed is None else n_failed,
            exit_status=exit_status,
            explains_1=explains_1,
            notes=self._notes(),
            n_gates=len(self.gates),
            n_passed=sum(verdict.passed for verdict in verdicts.values()),
            n_cases=self._n,
            n_cases_not_run=n_not_run,
            complete=complete,
            required=self.required,
        )
        write_results(self.results, found)
        write_flips(self.results, comparisons)
        write_scoreboard(self.results, run.describe(), scores, comparisons)
        held, file = self.baseline.held, self.results / "baseline.json"
        if held is None:
            file.unlink(missing_ok=True)
        else:
            write_json(file, since_baseline(self.run, held, results, shown=self.baseline.shown))
        run = replace(run, results=digest_results(self.results))
        write_whole(self.results / NAME, encode_plan(run))
        # Last: what cannot be written leaves a verdict that says so, and no folder to join.
        self._write_gates(session, verdicts.values(), undecided, digest=run.results)
        return Conclusion(scores, verdicts, undecided, session, run.stand_ins, changes, self._flips(scores, results))

    def _update_baseline(
        self, scores: Mapping[str, Score], results: Mapping[Key, Result], exit_status: int
    ) -> tuple[tuple[VariantChange, ...] | None, list[str]]:
        """Write the baseline file from this run, whole or not at all: what changed, or why it cannot be."""
        run, place = self.run, self.baseline
        if not place.updating:
            return None, []
        if exit_status not in (0, 1):
            return None, ["--update-baseline: nothing written, the run was cut short"]
        try:
            if load_baseline(place.path, shown=place.shown, rewriting=True) != place.held:
                return None, [
                    f"--update-baseline: nothing written, {place.shown} changed since this run read it; run again"
                ]
            new = make_baseline(
                backend=run.backend,
                plan=run.plan,
                prompts=run.prompts,
                scores=scores,
                results=results,
                old=place.held,
                removed=place.removed,
            )
            write_whole(place.path, encode(new), option="--update-baseline")
        except UsageError as error:
            return None, [str(error)]
        return diff_baselines(place.held, new), []

    def _write_gates(
        self, session: SessionVerdict, verdicts: Iterable[Verdict], undecided: Iterable[str], *, digest: str = ""
    ) -> None:
        write_gates(
            self.results,
            self.run.describe(),
            complete=session.complete,
            verdicts=verdicts,
            undecided=undecided,
            why_undecided=_IN_MERGE if self.run.shard else "not decided",
            not_run=session.n_cases_not_run,
            session={
                **encode_verdict(session),
                "left_out": [asdict(one) for one in self.left_out],
                "results": digest,
                "inputs": dict(self.run.inputs),
                "unreviewed": list(self.run.unreviewed),
            },
        )

    @property
    def _n(self) -> int:
        return self.run.part.n_cases(self.run.variants)

    @property
    def _set_gates(self) -> list[Gate]:
        """The gates that somebody set, without those that exist only because of a baseline file."""
        return [gate for gate in self.gates if not isinstance(gate, BaselineGate) or gate.max_drop]

    def _flips(self, scores: Mapping[str, Score], results: Mapping[Key, Result]) -> tuple[Comparison, ...]:
        held, run = self.baseline.held, self.run
        if run.mode == "none" or held is None:
            return ()
        names = [name for name in run.variants if scores[name].complete]
        found = (compare_since(held, name, run.part.shared(name), results) for name in names)
        return tuple(one for one in found if one.n)

    def _notes(self) -> tuple[str, ...]:
        if self.run.shard is not None:
            return (f"{len(self.gates)} gates are {_IN_MERGE}",)
        left_out: dict[str, list[str]] = {}
        for one in self.left_out:
            left_out.setdefault(one.option, []).append(one.gate)
        named = [f"left out by {option}: {', '.join(gates)}" for option, gates in left_out.items()]
        named += [
            f"{variant}: {stop.words()}; its interval is a repeated confidence interval, valid after stopping"
            for variant, stop in self.run.plan.stops.items()
        ]
        return tuple(filter(None, (*named, self._note_on_removed(), self._note_on_baseline())))

    def _note_on_removed(self) -> str:
        place, gone = self.baseline, ", ".join(self.baseline.removed)
        if gone and place.updating:
            return f"dropped from the baseline, as variants.toml has them no more: {gone}"
        what = f"the baseline {place.shown} holds what variants.toml has no more: {gone}; --update-baseline drops it"
        return what if gone else ""

    def _note_on_baseline(self) -> str:
        place, held = self.baseline, {gate.variant for gate in self.gates if isinstance(gate, BaselineGate)}
        free = [variant for variant in self.run.variants if variant not in held]
        names = ", ".join(free)
        if place.updating:
            return ""
        if place.held is None:
            return f"no baseline: there is no {place.shown}; this run with --update-baseline writes it"
        if not free:
            return ""
        if not is_about_classes(place.held, self.run.plan):
            return (
                f"the baseline {place.shown} is about --classes {place.held.drawn_by['classes']!r}, and this run asks "
                f"{self.run.plan.classes!r}: not held to it"
            )
        if not self.run.replays:
            return f"not held to the baseline in a live run, as gates.toml sets no max_drop: {names}"
        if any(map(place.held.answers, free)):
            return f"the baseline {place.shown} is about other texts for {names}"
        return f"{names}: not in the baseline {place.shown} yet; --update-baseline adds the answers"

    def _complaints(self, verdicts: Mapping[str, Verdict], undecided: tuple[str, ...], n_not_run: int) -> list[str]:
        words = {name: verdict.word for name, verdict in verdicts.items()}
        complaints = [
            f"gates {word}: {', '.join(names)}"
            for word in ("failed", "not proved", "unanswered")
            if (names := [name for name in words if words[name] == word])
        ]
        if not self.required:
            return complaints
        run, place = self.run, self.baseline
        if run.shard is None:
            if run.unreviewed:
                complaints.append(
                    f"the plan is chosen by {', '.join(run.unreviewed)}: put that on the command line, or use the ini "
                    "values newsgauge_*; nobody reviews PYTEST_ADDOPTS, and addopts must be the plan of the baseline"
                )
            if not self._set_gates:
                complaints.append(
                    f"no gate is set for [{run.backend}.{run.plan.corpus}] and these variants in gates.toml"
                )
            if undecided:
                complaints.append(f"gates not decided: {', '.join(undecided)}")
            if unsaid := [one for one in self.left_out if one.option not in run.chosen_by_hand]:
                options = ", ".join(dict.fromkeys(one.option for one in unsaid))
                complaints.append(
                    f"gates left out: {', '.join(map(str, unsaid))}; to leave them out, put {options} on the command "
                    "line, not in a file or PYTEST_ADDOPTS, or --no-require-gates"
                )
        known = run.variants
        if place.held is not None and run.replays and place.held.plan == run.plan.digest and not place.updating:
            known = tuple(place.held.variants)
        if unknown := [name for name in run.variants if name not in known]:
            complaints.append(
                f"not in the baseline {place.shown}: {', '.join(unknown)} (new, or lost in a merge); "
                "--update-baseline adds the answers"
            )
        if n_not_run:
            complaints.append(f"{n_not_run} of {self._n} planned cases did not run{self.why_not_run}")
        return complaints
