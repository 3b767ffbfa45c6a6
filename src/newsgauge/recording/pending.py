"""Which cases of a plan must be asked: a setup in, a `Pending` out. Asks no service, and replays only techniques.

Exact: it finds what the record mode would let through to the service in pytest, from the same hashed requests.

Also unfinished recordings of everything (modes ``all`` and ``rewrite``): which plan, since when. A line alone does not
say whether such a recording has already asked it; with the start time the same command continues after an interruption
and asks nothing twice. One small JSON file; a name in, a time out.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from .._util.files import write_whole
from ..cassettes.recorder import Recorder
from ..errors import CassetteError, MissingRecordingError, NewsgaugeError, StaleRecordingError
from ..records import Case
from ..running.request_template import ModelResolution, RequestTemplates
from ..running.results_log import ResultLog
from ..running.run_config import RunConfig, open_recorder

#: Of a case; an error: why its line does not fit, and is kept.
State = Literal["recorded", "to ask"] | NewsgaugeError
#: The modes that ask everything again.
_ANEW = ("all", "rewrite")


@dataclass(frozen=True, slots=True)
class Pending:
    """``recorded``: cases whose line fits. ``unfit``: a line is there that does not fit, and the mode keeps it."""

    to_ask: tuple[Case, ...]
    n_recorded: int
    unfit: tuple[tuple[Case, NewsgaugeError], ...] = ()


def find_pending(setup: RunConfig, *, since: str = "", recorder: Recorder | None = None) -> Pending:
    """Read every planned case's line, 0.1 ms each; ``since`` is when an interrupted recording of all began.

    ``recorder``: one that has read the files before.
    """
    recorder = recorder or open_recorder(setup)
    prompts: list[Case] = []
    own: list[Case] = []
    for case in setup.recorded_cases:
        (prompts if setup.variants[case.variant].is_gemini_prompt else own).append(case)
    found = list(_of_prompts(setup, recorder, prompts, since))
    found += _of_callables(setup, recorder, own) if own else ()
    return Pending(
        tuple(case for case, state in found if state == "to ask"),
        sum(state == "recorded" for _, state in found),
        tuple((case, why) for case, why in found if isinstance(why, NewsgaugeError)),
    )


def _of_prompts(
    setup: RunConfig, recorder: Recorder, cases: Iterable[Case], since: str
) -> Iterator[tuple[Case, State]]:
    models, written = ModelResolution(setup, base_url=lambda: None), RequestTemplates(setup.backend)
    for case in cases:
        variant = setup.variants[case.variant]
        try:
            line = recorder.file(case.variant).read(case.post.id)
        except CassetteError as error:
            yield case, error
            continue
        anew = line is None or setup.mode in _ANEW or recorder.asks_again(line)
        if line is None or (anew and (not since or line.provenance.get("recorded", "") < since)):
            yield case, "to ask"
            continue
        ready = models.ready(variant, lambda line=line: line)  # type: ignore[misc]
        asked = written.asked(ready.template, case.post.text, setup.blocks(case.variant))
        if asked.fits(line):
            yield case, "recorded"
        else:
            is_kept = setup.mode == "once"
            yield case, recorder.explain(case.variant, case.post.id, asked) if is_kept else "to ask"


def _of_callables(setup: RunConfig, recorder: Recorder, cases: Iterable[Case]) -> Iterator[tuple[Case, State]]:
    from ..running.run import Run  # with the network block, which prompts do not need

    replay = Run(replace(setup, mode="none"), ResultLog(Path(os.devnull), "todo"))
    for case in cases:
        anew = setup.mode in _ANEW
        with suppress(CassetteError):  # the replay says what is damaged
            anew |= any(map(recorder.asks_again, recorder.file(case.variant).case(case.post.id)))
        why = None if anew else replay.why_not_answered(case)  # only calling it shows what it asks
        is_changed = isinstance(why, StaleRecordingError) and setup.mode == "new_episodes"
        is_to_ask = anew or is_changed or isinstance(why, MissingRecordingError)
        yield case, "to ask" if is_to_ask else why or "recorded"
    replay.close()


def recorded_ids(setup: RunConfig, recorder: Recorder | None = None) -> dict[str, set[str]]:
    """By variant the planned posts whose recorded answer is one to what would be asked now."""
    todo = find_pending(replace(setup, mode="once", again=frozenset()), recorder=recorder)
    found: dict[str, set[str]] = {name: set() for name in setup.variants}
    for case in setup.recorded_cases:
        found[case.variant].add(case.post.id)
    for case in (*todo.to_ask, *(case for case, _ in todo.unfit)):
        found[case.variant].discard(case.post.id)
    return found


def beyond_stops(setup: RunConfig) -> list[str]:
    """A reason for red for each variant with recorded answers of this plan behind its stop."""
    if not setup.plan.stops:
        return []
    own = {name: setup.variants[name] for name in setup.plan.stops}
    whole = replace(setup, variants=own, plan=replace(setup.plan, stops={}, stopped={}))
    recorded = recorded_ids(whole)
    more = f"'newsgauge record{setup.options} --variants {','.join(setup.variants)} --until-decided'"
    return [
        f"{name}: its recording goes {n:,} {setup.plan.units} beyond its stop after {stop.n:,}; {more} counts them in, "
        "without --until-decided it asks the whole plan"
        for name, stop in setup.plan.stops.items()
        if (n := len(recorded[name] - setup.plan.stopped[name]))
    ]


_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # that of a line's provenance


class ResumeFile:
    """The file; a damaged one counts as none, and everything is asked again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def within(cls, state: Path) -> ResumeFile:
        """That of a project; ``state`` is its folder ``.newsgauge``."""
        return cls(state / "record.json")

    def begin(
        self,
        name: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> str:
        """The start time of this recording; lines from then on are its own."""
        known = self._read()
        if name not in known:
            # Lines have whole seconds: one recorded earlier in this second must not count as ours.
            sleep(1.0)
            known[name] = now().strftime(_FORMAT)
            self._write(known)
        return known[name]

    @property
    def is_empty(self) -> bool:
        """Whether none is unfinished; else lines with equal answers are kept, as they show what was asked again."""
        return not self._read()

    def end(self, name: str) -> None:
        """Note that the recording is complete."""
        known = self._read()
        if known.pop(name, None) is not None:
            self._write(known)

    def _write(self, known: dict[str, str]) -> None:
        write_whole(self._path, json.dumps(known, indent=1) + "\n", option="record")

    def _read(self) -> dict[str, str]:
        try:
            value = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
