"""The one value that says whether a session is green; terminal, report, gates.json and exit status all use it.

Also the reasons why a folder of results does not prove that this checkout passes its gates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .._util.pytest_ini import evals_command
from ..planning.plan_file import COMMIT, differences, read_again
from ..results.result_files import digest_results

_MAX_NAMED = 3
#: pytest's exit statuses, for a session that nothing else explains.
_STATUSES = {
    1: "no test failed, but a plugin or hook made it so",
    2: "the run was interrupted",
    3: "an error inside pytest or a plugin",
    4: "a usage error",
    5: "no test was collected",
}


@dataclass(frozen=True, slots=True)
class SessionVerdict:
    """What a session came to. ``reasons`` say why it is red; none: it is green, and its process ends with status 0.

    ``notes``: what was not held, and is no reason for red. ``complete``: every planned gate was decided from all its
    planned cases; a green session may be incomplete if gates are not ``required``. ``failed``: the first failed
    tests that are no gates. ``ended``: how pytest ended, if no failed test explains it.
    """

    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    n_gates: int = 0
    n_passed: int = 0
    n_cases: int = 0
    n_cases_not_run: int = 0
    failed: tuple[str, ...] = ()
    n_failed: int = 0
    complete: bool = False
    required: bool = False
    exit_status: int = 0
    ended: str = ""

    @property
    def is_green(self) -> bool:
        """Whether there is no reason for red."""
        return not self.reasons

    @property
    def verdict(self) -> Literal["GREEN", "RED"]:
        """The word that gates.json holds."""
        return "GREEN" if self.is_green else "RED"

    @property
    def headline(self) -> str:
        """``RED: 6 of 6 gates passed, but 3 evals failed: ...``."""
        passed = f"{self.n_passed} of {self.n_gates} gates passed" if self.n_gates else "no gate decided"
        if not self.is_green:
            more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
            but = ", but " if self.n_gates and self.n_passed == self.n_gates else "; "
            return f"RED: {passed}{but}{self.reasons[0]}{more}"
        if self.n_cases_not_run:
            passed += f"; {self.n_cases_not_run} of {self.n_cases} planned cases did not run"
        elif self.complete or not self.n_gates:
            return f"GREEN: {passed}"
        return f"GREEN, but not complete: {passed}"


def session_verdict(
    complaints: Sequence[str],
    *,
    failed: Sequence[str],
    n_failed: int,
    exit_status: int,
    explains_1: bool = True,
    **facts: Any,
) -> SessionVerdict:
    """The verdict from what forbids green, the tests that failed, and the status that pytest would end with.

    ``explains_1``: a test failed, so pytest has its reason to end with status 1. ``facts`` are the other fields of a
    `SessionVerdict`.
    """
    reasons = list(complaints)
    if n_failed:
        shown = ", ".join(failed[:_MAX_NAMED]) + (", ..." if n_failed > _MAX_NAMED else "")
        reasons.append(f"{n_failed} {'test' if n_failed == 1 else 'tests'} failed: {shown}")
    status = 1 if reasons and exit_status in (0, 5) else exit_status
    ended = ""
    if status not in (0, 1) or (status and not reasons) or (exit_status == 1 and not explains_1):
        ended = f"pytest ended with status {status}: {_STATUSES.get(status, 'something stopped it')}"
        reasons.append(ended)
    return SessionVerdict(
        tuple(reasons), failed=tuple(failed), n_failed=n_failed, exit_status=status, ended=ended, **facts
    )


def encode_verdict(session: SessionVerdict) -> dict[str, Any]:
    """Its part of gates.json."""
    return {"verdict": session.verdict, "headline": session.headline, **asdict(session)}


def decode_verdict(gates: Mapping[str, Any]) -> SessionVerdict:
    """What gates.json says of its session; a file that says nothing, or of a run that never ended, is red."""
    names = SessionVerdict.__dataclass_fields__
    said: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in gates.items() if name in names
    }
    if "verdict" not in gates or "reasons" not in said:
        return SessionVerdict(("gates.json holds no verdict: written by another version of newsgauge",))
    if gates["verdict"] != "GREEN" and not said["reasons"]:
        said["reasons"] = ("gates.json says so",)
    return SessionVerdict(**said)


def check_stored(folder: Path, root: Path) -> tuple[SessionVerdict, list[str]]:
    """The verdict of the folder, and every reason against it; none: complete, passed, of this checkout."""
    try:
        gates = json.loads((folder / "gates.json").read_text("utf-8"))
        session = decode_verdict(gates)
        return session, _reasons(session, gates, folder, root)
    except FileNotFoundError:
        why = f"{folder}: no gates.json: no run of {evals_command(root)} left its results there"
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"{folder / 'gates.json'}: not the verdict of a run ({type(error).__name__}: {error})"
    return SessionVerdict((why,)), [f"{why}; run {evals_command(root)}"]


def _reasons(session: SessionVerdict, gates: dict[str, Any], folder: Path, root: Path) -> list[str]:
    if not session.is_green:
        return list(session.reasons)
    reasons, evals = [], evals_command(root)
    if gates["run"].get("shard"):
        reasons.append(f"shard {gates['run']['shard']} decides no gate: check the folder that newsgauge merge wrote")
    elif not session.complete:
        reasons.append(f"not every planned gate was decided from all its cases; run {evals} --require-gates")
    if session.n_cases_not_run:
        reasons.append(f"{session.n_cases_not_run} of {session.n_cases} planned cases did not run")
    not_passed = [str(gate["gate"]) for gate in gates["gates"] if gate["passed"] is not True]
    if not_passed or not gates["gates"]:
        reasons.append(f"gates that did not pass: {', '.join(not_passed) or 'none is there'}")
    if gates.get("unreviewed"):
        reasons.append(f"the plan was chosen by {', '.join(gates['unreviewed'])}")
    if digest_results(folder) != gates["results"]:
        reasons.append(f"{folder / 'results.csv'} is not the file that the run wrote")
    inputs = gates["inputs"]
    if COMMIT not in inputs:
        return [*reasons, f"{folder} holds predictions that newsgauge score judged, not a run; run {evals}"]
    now = read_again(root, inputs)
    if now[COMMIT] != inputs[COMMIT]:
        reasons.append(f"the run was made at commit {inputs[COMMIT]}, this checkout is at {now[COMMIT]}")
    changed = differences(now, inputs, but=(COMMIT,))
    if changed:
        reasons.append(f"changed since the run: {', '.join(changed)}")
    return reasons
