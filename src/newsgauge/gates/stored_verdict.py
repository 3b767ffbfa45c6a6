"""A folder of results and a checkout in; out: why the run in it is no proof that this checkout passes its gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..planning.inputs import COMMIT, differences, read_again
from ..results.result_files import digest_results
from .session_verdict import SessionVerdict, decode_verdict


def check_stored(folder: Path, root: Path) -> tuple[SessionVerdict, list[str]]:
    """The verdict of the folder, and every reason against it; none: complete, passed, of this checkout."""
    try:
        gates = json.loads((folder / "gates.json").read_text("utf-8"))
        session = decode_verdict(gates)
        return session, _reasons(session, gates, folder, root)
    except FileNotFoundError:
        why = f"{folder}: no gates.json: no run of pytest evals left its results there"
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"{folder / 'gates.json'}: not the verdict of a run ({type(error).__name__}: {error})"
    return SessionVerdict((why,)), [f"{why}; run pytest evals"]


def _reasons(session: SessionVerdict, gates: dict[str, Any], folder: Path, root: Path) -> list[str]:
    if not session.is_green:
        return list(session.reasons)
    reasons = []
    if gates["run"].get("shard"):
        reasons.append(f"shard {gates['run']['shard']} decides no gate: check the folder that newsgauge merge wrote")
    elif not session.complete:
        reasons.append("not every planned gate was decided from all its cases; run pytest evals --require-gates")
    if session.n_cases_not_run:
        reasons.append(f"{session.n_cases_not_run} of {session.n_cases} planned cases did not run")
    not_passed = [str(gate["gate"]) for gate in gates["gates"] if gate["passed"] is not True]
    if not_passed or not gates["gates"]:
        reasons.append(f"gates that did not pass: {', '.join(not_passed) or 'none is there'}")
    if digest_results(folder) != gates["results"]:
        reasons.append(f"{folder / 'results.csv'} is not the file that the run wrote")
    inputs = gates["inputs"]
    now = read_again(root, inputs)
    if now[COMMIT] != inputs[COMMIT]:
        reasons.append(f"the run was made at commit {inputs[COMMIT]}, this checkout is at {now[COMMIT]}")
    changed = differences(now, inputs, but=(COMMIT,))
    if changed:
        reasons.append(f"changed since the run: {', '.join(changed)}")
    return reasons
