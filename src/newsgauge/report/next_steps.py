"""What to do after a run: its folder in, steps with commands to copy out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .._util.pytest_ini import command_of
from .._util.wording import count_of, plural
from ..results.run_folder import RunFolder
from .findings import limit_lines, state_of

#: Ends in the command, in every message about a recording that no longer fits.
_AGAIN = "Record it again: "
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: a command to copy, or the ``filters`` of the cases to look at; ``detail`` explains it."""

    text: str
    command: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""


def next_steps(run: RunFolder) -> list[Step]:
    """The steps, most urgent first; empty if there is nothing to do."""
    return [*_unanswered(run), *_failed_evals(run), *_not_run(run), *_wrong(run), *_changed(run), *_not_proved(run)]


def _command(run: RunFolder) -> str:
    """``pytest evals``, or whatever the folder of this run's variants is called."""
    names = (name.rpartition("/") for name in run.gates.get("inputs", ()))
    return command_of(next((folder for folder, _, name in names if name == "variants.toml"), "evals"))


def _unanswered(run: RunFolder) -> Iterator[Step]:
    """One step per reason, however many cases it has."""
    groups: dict[tuple[str, str], list[str]] = {}
    for result in run.results:
        if result.broken:
            _, _, command = result.broken.partition(_AGAIN)
            groups.setdefault((result.variant, command), []).append(result.broken)
    for (variant, command), messages in groups.items():
        yield Step(
            f"{variant}: {count_of(len(messages), 'case has', 'cases have')} no answer.",
            command.strip().rstrip("."),
            {"variant": variant, "outcome": "broken"},
            messages[0].partition(_AGAIN)[0].strip(),
        )


def _failed_evals(run: RunFolder) -> Iterator[Step]:
    if run.failed_evals:
        named = ", ".join(run.failed_evals[:_MAX_NAMED])
        more = f" and {len(run.failed_evals) - _MAX_NAMED} more" if len(run.failed_evals) > _MAX_NAMED else ""
        yield Step(f"{count_of(len(run.failed_evals), 'eval')} failed: {named}{more}.", f"{_command(run)} --lf")


def _not_run(run: RunFolder) -> Iterator[Step]:
    n = int(run.gates.get("n_cases_not_run") or 0)
    if run.shard:
        yield Step("Join the results of all shards.", "newsgauge merge DIR...")
    elif n:
        yield Step(f"{count_of(n, 'planned case')} did not run: run all of them.", _command(run))


def _wrong(run: RunFolder) -> Iterator[Step]:
    found = [line for line in limit_lines(run) if line.state == "failed" and not line.gate.endswith("-baseline")]
    for line in {tuple(line.filters.values()): line for line in found}.values():
        n_wrong = sum(
            result.variant == line.variant
            and line.filters.get("label", result.label) == result.label
            and line.filters.get("answer", result.prediction.label) == result.prediction.label
            for result in run.results
            if result.prediction is not None and not result.correct
        )
        if n_wrong:
            about = [f" for {line.filters['label']}"] if "label" in line.filters else []
            about += [f", {line.filters['answer']}"] if "answer" in line.filters else []
            wrong = f"Look at the {count_of(n_wrong, 'wrong answer')} of {line.variant}{''.join(about)}."
            yield Step(wrong, filters=line.filters)
    if found:
        variants = ", ".join(dict.fromkeys(line.variant for line in found))
        text = f"Change {variants}, or the limit in gates.toml if that is wrong. Then run again."
        yield Step(text, _command(run))


def _changed(run: RunFolder) -> Iterator[Step]:
    changed = {name: len(one["changed"]) for name, one in run.baseline.get("variants", {}).items() if one["changed"]}
    if not changed:
        return
    for name, n in changed.items():
        yield Step(
            f"{name}: look at the {count_of(n, 'answer')} that changed since the baseline.",
            filters={"variant": name, "only": "changed since the baseline"},
        )
    if run.run.get("record_mode") == "none":
        yield Step(
            "If the changed answers are meant, make them the new baseline and review the diff.",
            f"{_command(run)} --update-baseline",
        )


def _not_proved(run: RunFolder) -> Iterator[Step]:
    """How many posts would decide; asking the same ones until it is green proves nothing."""
    found = [gate for gate in run.gates["gates"] if state_of(gate) == "not proved"]
    for gate in found:
        n, asked = gate.get("n_to_decide"), f"this run asked {run.run['n_posts']:,}"
        of_both = any("newsgauge compare" in reason for reason in gate["reasons"])
        more = "Ask both sides as many, and compare the runs" if of_both else "Ask more with --posts-per-class"
        enough = f"about {count_of(n, run.unit)} would decide; {asked}. {more}" if n else asked
        yield Step(f"{gate['gate']} is not proved: {enough}.", filters={"variant": str(gate["variant"])})
    if found:
        text = f"Plan how many {plural(run.unit)} the gates take; running the same ones until green proves nothing."
        yield Step(text, "newsgauge power --gates")
