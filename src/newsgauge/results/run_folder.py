"""A results folder in, a `RunFolder` out: what a finished run left, checked, for rendering and comparing.

Reads results.csv, scoreboard.json, gates.json and, if they exist, tokens.json, baseline.json, plan.json, posts.json
and what evals left.
Whatever is absent, cut off or of an older version is a `UsageError` that names the file and what to run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from operator import le
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.wording import count_of
from ..errors import UsageError
from ..records import Result
from .result_files import TOKEN_COLUMNS, read_results

if TYPE_CHECKING:
    import pandas as pd

_AGAIN = "run pytest evals again to write it again"
_RUN_KEYS = ("corpus", "backend", "plan", "n_posts", "variants")
_SCORE_KEYS = ("n", "n_planned", "n_correct", "accuracy", "wilson_95", "macro_f1", "classes", "confusion", "answers")
#: What evals leave: the name of the file, the list in it, and what each of its rows has to hold.
EXHIBITS = {
    "learning_curve": ("points", ("posts_per_class", "n_examples", "n_correct", "n", "accuracy", "wilson_95")),
    "loss_curve": ("losses", ("step", "epoch", "mean_loss")),
    "history": ("entries", ("backend", "corpus", "variant", "subject", "commit", "accuracy", "low", "high", "n")),
    "suspect_labels": ("texts", ("exact", "posts")),
    "token_counts": ("variants", ("variant", "n", "counted", "used", "least_beyond", "most_beyond")),
}


@dataclass(frozen=True, slots=True, repr=False)
class RunFolder:
    """A finished run as its folder tells it. ``posts``: texts by id, empty if they are not to be shown.

    ``scoreboard`` and ``gates`` are the files as they are; ``tokens`` is None if no summary was written;
    ``exhibits`` holds by name what evals left; ``baseline`` how the run differs from its baseline, empty if there is
    none; ``failed_evals`` the first tests that failed and are no gates; ``prompts`` by variant what is
    asked, part by part, ``{post}`` standing for the post; ``prompt_digests`` a hash of how it asks, the tuned model
    included; ``recordings`` by variant the cassette and the line of each post;
    ``trained_on`` by variant its training set, in words; ``made_by`` the commit and the command line.
    """

    path: Path
    run: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, Any]]
    comparisons: tuple[Mapping[str, Any], ...]
    gates: Mapping[str, Any]
    results: tuple[Result, ...]
    tokens: Mapping[str, Any] | None
    posts: Mapping[str, str]
    exhibits: Mapping[str, Mapping[str, Any]]
    baseline: Mapping[str, Any]
    failed_evals: tuple[str, ...]
    prompts: Mapping[str, Any]
    prompt_digests: Mapping[str, str]
    recordings: Mapping[str, Any]
    trained_on: Mapping[str, str] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def model_versions(self) -> tuple[str, ...]:
        """Who answered, as the answers say."""
        return tuple(str(version) for score in self.scores.values() for version in score["model_versions"])

    @property
    def shard(self) -> str:
        """``2/4`` if the run asked a part of its plan, else empty."""
        return str(self.run.get("shard") or "")

    @property
    def unit(self) -> str:
        """What a text is called."""
        return str(self.run.get("unit", "post"))

    @property
    def texts(self) -> str:
        """The corpus, with the preprocessing if that is not the usual one: what every number of the run is about."""
        return "+".join(str(self.run[key]) for key in ("corpus", "preprocessing") if key in self.run)

    @property
    def posts_in_words(self) -> str:
        """``1,000 posts``, or ``shard 2/4 of 1,000 posts``."""
        posts = count_of(self.run["n_posts"], self.unit)
        return f"shard {self.shard} of {posts}" if self.shard else posts

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants of the run, in the order of variants.toml."""
        return tuple(self.scores)

    def cost_per_1000(self, variant: str) -> float | None:
        """US$ for 1,000 posts; None if there is no price."""
        found = {} if self.tokens is None else self.tokens["variants"].get(variant, {}).get("cost", {})
        value = found.get("usd_per_1000_posts")
        return None if value is None else float(value)

    def tokens_per_post(self, variant: str) -> float | None:
        """Mean tokens, in and out; None if nothing was counted."""
        use = {} if self.tokens is None else self.tokens["variants"].get(variant, {})
        means: list[Any] = [use[kind]["mean"] for kind in ("input", "output")] if use else [None]
        return None if None in means or self.scores[variant].get("n_uncounted") else float(sum(means))

    @property
    def costs(self) -> dict[str, float]:
        """US$ for 1,000 posts by variant; if nothing has a price, mean tokens per post. One without is left out."""
        priced = {name: cost for name in self.scores if (cost := self.cost_per_1000(name)) is not None}
        return priced or {name: use for name in self.scores if (use := self.tokens_per_post(name)) is not None}

    @property
    def dominated(self) -> dict[str, list[str]]:
        """Variants that others beat: another is at least as accurate at no higher cost, and better in one of the two.

        By what was measured, whatever the intervals say. A variant under a disturbance is held against none.
        """
        places = {name: (-float(self.scores[name]["accuracy"] or 0), cost) for name, cost in self.costs.items()}
        places = {name: place for name, place in places.items() if "+" not in name}
        beaten = {
            name: [other for other, place in places.items() if place != own and all(map(le, place, own))]
            for name, own in places.items()
        }
        return {name: others for name, others in beaten.items() if others}

    @property
    def cheapest_passing(self) -> str | None:
        """The variant with gates of its own, all passed, that costs least; None if there are not two to choose from."""
        found: dict[str, bool] = {}
        for gate in self.gates["gates"]:
            found[str(gate.get("variant"))] = found.get(str(gate.get("variant")), True) and bool(gate.get("passed"))
        costs = self.costs
        passing = [name for name, passed in found.items() if passed and name in costs and "+" not in name]
        return min(passing, key=lambda name: costs[name]) if len(costs) > 1 and passing else None

    def results_frame(self) -> pd.DataFrame:
        """One row per case, with the columns of results.csv; numbers are nullable if a case has no answer."""
        import pandas as pd  # 0.4 s: only if a DataFrame is asked for

        frame = pd.read_csv(self.path / "results.csv", dtype=str, keep_default_na=False)
        frame["correct"] = frame["correct"] == "1"
        for name in frame.columns.intersection(TOKEN_COLUMNS):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("Int64")
        return frame

    def scores_frame(self) -> pd.DataFrame:
        """One row per variant: planned and answered cases, accuracy with its 95% interval, macro-F1."""
        import pandas as pd

        rows = {
            name: {
                **{key: score[key] for key in ("n_planned", "n", "n_correct", "accuracy", "macro_f1")},
                "low": score["wilson_95"][0],
                "high": score["wilson_95"][1],
            }
            for name, score in self.scores.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")

    def __repr__(self) -> str:
        versions = ", ".join(sorted(set(self.model_versions))) or "nobody"
        return (
            f"{self.run['backend']} backend on {self.run['corpus']}: {self.posts_in_words}, plan {self.run['plan']}; "
            f"answered by {versions}. {self.gates.get('headline', '')}"
        )

    def _repr_html_(self) -> str:
        """The scoreboard as a notebook shows it."""
        percent = dict.fromkeys(("accuracy", "low", "high"), _percent)
        formatters = {**percent, "macro_f1": "{:.3f}".format}
        table = self.scores_frame().to_html(border=0, na_rep="-", formatters=formatters)
        return f"<p>{escape(repr(self))}</p>\n{table}"


def _percent(rate: float) -> str:
    return f"{math.floor(1000 * rate + 0.5) / 10:.1f}%"  # halves up, as everywhere


def load_run(folder: Path | str = ".newsgauge/results") -> RunFolder:
    """Read and check a results folder, as `pytest evals` and `newsgauge merge` leave it. Raises `UsageError`."""
    return read_run(Path(folder))


def read_run(folder: Path, results: tuple[Result, ...] | None = None) -> RunFolder:
    """`load_run`; ``results``: those of results.csv, if they were read already."""
    if not folder.is_dir():
        raise UsageError(
            f"{folder}: expected a folder of results, as pytest evals leaves in .newsgauge/results, and newsgauge "
            "score in .newsgauge/score"
        )
    scoreboard = _json(folder / "scoreboard.json")
    gates = _json(folder / "gates.json")
    run, scores = scoreboard.get("run"), scoreboard.get("variants")
    another = f"written by another version of newsgauge; {_AGAIN}"
    if not isinstance(run, dict) or not isinstance(scores, dict) or not set(_RUN_KEYS) <= set(run):
        raise UsageError(f"{folder / 'scoreboard.json'}: {another}")
    for name, score in scores.items():
        absent = [key for key in _SCORE_KEYS if not isinstance(score, dict) or key not in score]
        if absent:
            raise UsageError(f"{folder / 'scoreboard.json'}: {name}: no {absent[0]!r}: {another}")
    if not isinstance(gates.get("gates"), list) or not isinstance(gates.get("run"), dict):
        raise UsageError(f"{folder / 'gates.json'}: expected a list of gates; {_AGAIN}")
    if gates["run"].get("plan") != run["plan"]:
        raise UsageError(
            f"{folder}: gates.json is about plan {gates['run'].get('plan')}, scoreboard.json about {run['plan']}: "
            f"a run was cut short here; {_AGAIN}"
        )
    results = read_results(folder / "results.csv", advice=_AGAIN) if results is None else results
    unknown = {result.variant for result in results} - set(scores)
    if unknown:
        raise UsageError(f"{folder / 'results.csv'}: {sorted(unknown)[0]} is not in scoreboard.json; {_AGAIN}")
    plan = run["plan"]
    planned, asked, baseline, posts = (
        _load_if_of(folder / f"{name}.json", plan=plan) or {} for name in ("plan", "asked", "baseline", "posts")
    )
    exhibits = {name: _load_exhibit(folder / f"{name}.json", name, plan=plan) for name in EXHIBITS}
    return RunFolder(
        folder,
        run,
        scores,
        tuple(scoreboard.get("comparisons", ())),
        gates,
        results,
        _load_if_of(folder / "tokens.json", plan=plan),
        posts.get("posts", {}),
        {name: value for name, value in exhibits.items() if value is not None},
        baseline,
        tuple(planned.get("failed", ())),
        asked.get("prompts", {}),
        planned.get("prompts", {}),
        asked.get("recordings", {}),
        asked.get("trained_on", {}),
        asked.get("made_by", {}),
    )


def interval_95(score: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The interval of an accuracy to read: valid after stopping, by thread if threads repeat, else Wilson's."""
    low, high = score.get("after_stopping_95") or score.get("thread_clustered_95") or score["wilson_95"]
    return low, high


def _load_if_of(path: Path, *, plan: str) -> dict[str, Any] | None:
    """The file, or None if it is not there or was left by a run of another plan. Raises `UsageError`."""
    value = _json(path) if path.exists() else {}
    return value if value.get("plan") == plan else None


def _load_exhibit(path: Path, name: str, *, plan: str) -> dict[str, Any] | None:
    """What an eval left under this name, checked; None if none did, or one of another plan. Raises `UsageError`."""
    if not path.exists():
        return None
    value = _json(path)
    key, wanted = EXHIBITS[name]
    rows = value.get(key)
    if value.get("format") != 1 or not isinstance(rows, list):
        raise UsageError(f"{path}: expected format 1 with a list {key!r}, written by another version; {_AGAIN}")
    if not all(isinstance(row, dict) and set(wanted) <= set(row) for row in rows):
        raise UsageError(f"{path}: expected {', '.join(wanted)} in each of {key!r}; {_AGAIN}")
    return value if value.get("plan") == plan else None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{path.parent}: expected {path.name}, it is not there: half a run, or no results; {_AGAIN}"
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not readable as JSON ({error}); {_AGAIN}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected an object, got {type(value).__name__}; {_AGAIN}")
    return value
