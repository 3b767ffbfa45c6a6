"""The options of whatever asks a service: what may be asked, until when, and for how much.

A mistake in them is a `UsageError`, before anything is asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._util.option_values import above_0, from_0, one_of, whole
from .._util.platform import is_ci
from ..errors import UsageError
from ..records import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

_API_VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?", re.ASCII)
#: The kinds of answers that can be asked again: those that hold no label.
AGAIN = (Outcome.BLOCKED, Outcome.CUT, Outcome.EMPTY)
#: The most looks at the gates, since each costs some power.
MOST_LOOKS = 200
RECORD_MODES = ("none", "once", "new_episodes", "all", "rewrite")


def add_record_mode(add: Callable[..., Any], *, default: str = "none") -> None:
    """``--record-mode``, whose name and values are those of pytest-recording."""
    add(
        "--record-mode",
        **one_of(RECORD_MODES[RECORD_MODES.index(default) :]),
        default=default,
        help=("none: replay only; " if default == "none" else "")
        + "once: record what is missing; new_episodes: and what changed; all: everything again; rewrite: likewise, and "
        f"drop what is not planned (default: {default})",
    )


def add_until_decided(add: Callable[..., Any]) -> None:
    """The options of a recording that looks at its gates."""
    add(
        "--until-decided",
        action="store_true",
        help="stop asking a variant when all its gates are decided; the plan is the most that is asked",
    )
    add(
        "--looks",
        type=whole(MOST_LOOKS),
        metavar="K",
        help="with --until-decided: look so often at the gates, evenly spaced (default: as takes few calls)",
    )


def check_until_decided(option: Any, *, batch: bool = False) -> None:
    """Refuse what does not go with stopping early. Raises `UsageError`."""
    if option.looks is not None and not option.until_decided:
        raise UsageError("--looks: expected with --until-decided, which looks at the gates while answers come in")
    if option.until_decided and batch:
        raise UsageError("--until-decided and --batch: a batch is asked as a whole, so that nothing can stop it")
    if option.until_decided and getattr(option, "shard", None):
        raise UsageError("--until-decided and --shard: a shard does not know what the others answer; leave one out")
    if option.until_decided and (option.record_mode not in ("once", "new_episodes") or option.again):
        raise UsageError(
            "--until-decided: expected --record-mode once or new_episodes, without --again: recorded "
            "answers count as they are; replacing some because of what they say would bias the verdict"
        )


def add_api_version(add: Callable[..., Any]) -> None:
    """``--api-version``, for whatever asks a service."""
    add(
        "--api-version",
        metavar="VERSION",
        help="version of the API to ask, such as v1 or v1beta; recordings of all versions replay alike (default: the "
        "ini value newsgauge_api_version, else what google-genai asks)",
    )


def chosen_api_version(option: str | None, ini: str) -> str | None:
    """What the command line says, else the ini value; None: the SDK's own. Raises `UsageError` for no version."""
    name, version = ("newsgauge_api_version", ini or None) if option is None else ("--api-version", option)
    if version is not None and not _API_VERSION.fullmatch(version):
        raise UsageError(f"{name}: expected a version of the API, such as v1, v1beta or v1beta1, got {version!r}")
    return version


def chosen_again(option: str | None, mode: str) -> frozenset[Outcome]:
    """The kinds of answers that ``--again`` names. Raises `UsageError`."""
    if option is None:
        return frozenset()
    kinds = [kind.strip() for kind in option.split(",")]
    if unknown := [kind for kind in kinds if kind not in AGAIN]:
        raise UsageError(f"--again: expected one or more of {', '.join(AGAIN)}, got {unknown[0]!r}")
    if mode not in ("once", "new_episodes"):
        raise UsageError(f"--again: expected --record-mode once or new_episodes with it, got {mode!r}")
    return frozenset(map(Outcome, kinds))


def add_paying_options(add: Callable[..., Any]) -> None:
    """The options of every command that pays a service."""
    add("--yes", action="store_true", help="pay for calls without asking first")
    add("--allow-record-in-ci", action="store_true", help="record or tune even if CI is set")
    add(
        "--max-cost",
        type=above_0("US dollars"),
        metavar="USD",
        help="budget: refuse what is forecast to cost more, and stop a recording before it costs more "
        "(default: the ini value newsgauge_max_cost, else none)",
    )


def refuse_in_ci(what: str, *, allowed: bool) -> None:
    """Refuse if CI is set: a run that nobody watches must not pay, nor turn red cases green."""
    if not allowed and is_ci():
        raise UsageError(
            f"{what}: CI is set, and a CI run replays what was reviewed. "
            "To record all the same, add --allow-record-in-ci"
        )


def budget_of(option: float | None, ini: str) -> float | None:
    """``--max-cost``, else the ini value ``newsgauge_max_cost``; None: no budget. Raises `UsageError`."""
    if option is not None or not ini:
        return option
    try:
        budget = float(ini)
    except ValueError:
        budget = 0.0
    if not 0 < budget < float("inf"):
        raise UsageError(f"newsgauge_max_cost: expected US dollars above 0, got {ini!r}")
    return budget


def add_recording_options(add: Callable[..., Any]) -> None:
    """The other options of a recording."""
    add_api_version(add)
    add_paying_options(add)
    add(
        "--again",
        metavar="KIND,..",
        help="with --record-mode once or new_episodes: ask again for answers that were blocked, cut or "
        "empty; an old answer stays until the new one is there",
    )
    add(
        "--no-plan",
        action="store_true",
        help="do not add this recording's plan to cassettes/PLANS.toml, because it will be thrown away",
    )
    add(
        "--retry-deadline",
        type=from_0("a number of seconds"),
        default=600.0,
        metavar="SECONDS",
        help="how long to retry when a service is busy or does not answer (default: 600); 0: do not retry",
    )
