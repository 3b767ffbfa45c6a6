"""Baseline files: the answers of each variant that were last reviewed and accepted.

``evals/baselines/<backend>/<corpus>.json`` holds ids, answers, scores and digests; never the text of a post. Enters: a
path, or the scores and results of a run. Leaves: a `Baseline`, or how a run differs from one.

The file is JSON with one line per variant and one per answer. Each names its variant and ends in a comma, and both
lists end in null: lines that two branches add stay whole if git takes those of both (``merge=union``).
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from .._util.files import LFS_ADVICE, LFS_POINTER
from .._util.wording import count_of
from ..errors import BaselineError
from ..planning.sampling import Plan, asking_order, repeated, split_key
from ..records import Key, Outcome, Post, Result
from ..scoring.scores import Score

FORMAT = 2
#: In ``drawn_by``: how many posts a variant was asked whose recording stopped early.
_STOPPED = "stopped"
Value = TypeVar("Value")
#: A longer off-list answer may quote the post, so only its hash is kept.
_MAX_CLEAR = 40


@dataclass(frozen=True, slots=True)
class BaselineVariant:
    """One variant: a digest of how it asks, who answered, the scores, and id of a post -> answer."""

    prompt: str
    model_versions: tuple[str, ...]
    scores: dict[str, Any]
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The reviewed answers of a backend to a corpus. ``plan``: the digest of the posts; ``drawn_by``: how they came."""

    backend: str
    corpus: str
    plan: str
    drawn_by: dict[str, Any]
    variants: dict[str, BaselineVariant]

    def answers(self, variant: str) -> dict[str, str]:
        """Id of a post -> answer; empty if the variant is not in the baseline."""
        return self.variants[variant].answers if variant in self.variants else {}


def load_baseline(path: Path, *, shown: str, rewriting: bool = False) -> Baseline | None:
    """The baseline, or None if there is no file. Raises `BaselineError` if it is not one.

    ``rewriting``: it is read to be rewritten, so what two branches both changed is a variant without an answer.
    """
    try:
        return decode(path.read_text("utf-8"), shown=shown, rewriting=rewriting)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(shown, error) from None


def decode(text: str, *, shown: str, rewriting: bool = False) -> Baseline:
    """The baseline in a file's text, in this format or the one before. Raises `BaselineError`."""
    if text.startswith(LFS_POINTER.decode()):
        raise BaselineError(f"{shown}: {LFS_ADVICE}")
    if re.search(r"^<{7} ", text, re.MULTILINE):
        raise BaselineError(
            f"{shown}: git could not merge two branches here. Run: newsgauge baseline merge {shlex.quote(shown)}"
        )
    try:
        value = json.loads(text, object_pairs_hook=dict if rewriting else _unique)
        if value["format"] not in (1, FORMAT):
            raise BaselineError(f"{shown}: expected format {FORMAT}, got {value['format']!r}")
        if value["format"] == 1:
            named = [(name, {**one, "answers": _answers(one["answers"])}) for name, one in value["variants"].items()]
        else:
            named = [(one["name"], {**one, "answers": []}) for one in filter(None, value["variants"])]
            of_variant = dict(named)
            for name, *answer in filter(None, value["answers"]):
                of_variant[name]["answers"].append(answer)
        n_lines, variants = Counter(name for name, _ in named), {}
        for name, one in dict(named).items():
            answers = _answers(one["answers"])
            if n_lines[name] > 1 or len(dict(answers)) < len(answers):
                if not rewriting:
                    raise _TwiceError(f"variant {name!r}")
                answers = []
            versions = tuple(one["model_versions"])
            variants[name] = BaselineVariant(one["prompt"], versions, dict(one["scores"]), dict(answers))
        return Baseline(value["backend"], value["corpus"], value["plan"], dict(value["drawn_by"]), variants)
    except _TwiceError as error:
        raise BaselineError(
            f"{shown}: two branches changed {error}, and git kept the lines of both. When variants.toml and the "
            "recordings are merged, run all variants again with --update-baseline. Only to keep what our side says: "
            f"newsgauge baseline merge {shlex.quote(shown)}"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(shown, error) from None


class _TwiceError(ValueError):
    """Something is in the file twice."""


def _restoring(shown: str) -> str:
    return f"git checkout {shlex.quote(shown)}"


def _damaged(shown: str, error: Exception) -> BaselineError:
    return BaselineError(
        f"{shown}: not a baseline file ({type(error).__name__}: {error}); restore it ({_restoring(shown)}), or "
        "remove it and write a new one with --update-baseline"
    )


def _unique(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """A dict of the pairs. Raises `_TwiceError` for a key that is there twice, as two branches leave it."""
    found: dict[str, Value] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(repr(key))
        found[key] = value
    return found


def make_baseline(
    *,
    backend: str,
    plan: Plan,
    prompts: Mapping[str, str],
    scores: Mapping[str, Score],
    results: Mapping[Key, Result],
    old: Baseline | None,
    removed: Collection[str] = (),
) -> Baseline:
    """The baseline that a run's answers make; variants that were not asked keep what ``old`` says, but for ``removed``.

    Raises `BaselineError` if a planned case has no answer, or if what is kept is about other posts.
    """
    incomplete = [f"{s.variant} ({s.n_planned - s.n} of {s.n_planned})" for s in scores.values() if not s.complete]
    if incomplete:
        raise BaselineError(f"--update-baseline: nothing written, cases have no answer: {', '.join(incomplete)}")
    kept = {} if old is None else {name: one for name, one in old.variants.items() if name not in {*scores, *removed}}
    if old is not None and kept and old.plan != plan.digest:
        raise BaselineError(
            f"--update-baseline: nothing written: {', '.join(kept)} of the file are about plan {old.plan}, this run is "
            f"about {plan.digest}; run all variants, or the texts of the file"
        )
    torn = [name for name, one in kept.items() if old is not None and _wrong_answers(one, old, plan, name)]
    if torn:
        raise BaselineError(
            f"--update-baseline: nothing written: answers of {', '.join(torn)} are lost in the file, and this run does "
            "not ask for them; run all variants"
        )
    new = {
        name: BaselineVariant(
            prompt=prompts[name],
            model_versions=score.model_versions,
            scores=_scores(score),
            answers={post.id: answer_text(results[post.id, name]) for post in plan.asked(name)},
        )
        for name, score in scores.items()
    }
    asked = {name: one.n for name, one in plan.stops.items() if name in new}
    if old is not None and old.plan == plan.digest:
        asked |= {name: n for name, n in old.drawn_by.get(_STOPPED, {}).items() if name in kept}
    drawn_by = {**_draw(plan), "n_posts": len(plan.posts), **({_STOPPED: asked} if asked else {})}
    return Baseline(backend, plan.corpus, plan.digest, drawn_by, {**kept, **new})


def changed_draw(baseline: Baseline, plan: Plan) -> set[str]:
    """The options that draw the plan in another way than the baseline: ``classes``, ``posts_per_class``, ...

    None: then they are the same posts, or the corpus changed.
    """
    changed = {key for key, value in _draw(plan).items() if baseline.drawn_by.get(key) != value}
    return changed - ({"classes"} if is_about_classes(baseline, plan) else set())


def is_about_classes(baseline: Baseline, plan: Plan) -> bool:
    """True if the baseline's posts are of the classes that the plan asks about."""
    return plan.is_about(str(baseline.drawn_by.get("classes", plan.classes)))


def check_baseline(baseline: Baseline, plan: Plan, *, backend: str, shown: str) -> None:
    """Refuse a baseline that lost answers in a bad merge, or is in another baseline's place.

    Raises `BaselineError`. Of a run's own plan the posts are known; of another plan the file itself says how many.
    """
    if (baseline.backend, baseline.corpus) != (backend, plan.corpus):
        raise BaselineError(
            f"{shown}: expected the baseline of {backend} on {plan.corpus}, it is one of {baseline.backend} on "
            f"{baseline.corpus}; restore it ({_restoring(shown)}), or write a new one with --update-baseline"
        )
    for name, one in baseline.variants.items():
        wrong = _wrong_answers(one, baseline, plan, name)
        if wrong:
            raise BaselineError(
                f"{shown}: {name}: {wrong}: a merge that was not resolved well? Restore it ({_restoring(shown)}), or "
                "write it again with --update-baseline"
            )


def _wrong_answers(one: BaselineVariant, baseline: Baseline, plan: Plan, name: str) -> str:
    """What is wrong with the answers of a variant; '' if they are whole."""
    posts, stopped = {split_key(key)[0] for key in one.answers}, baseline.drawn_by.get(_STOPPED, {}).get(name)
    n_posts = stopped or baseline.drawn_by.get("n_posts")
    if not one.answers:
        return "it holds no answer"
    if baseline.plan == plan.digest:
        planned = plan.posts if stopped is None else asking_order(plan.posts, plan.seed)[:stopped]
        times = max(split_key(key)[1] for key in one.answers) if name in plan.repeats else 1
        asked = {post.id for post in repeated(planned, times)}
        strange = sorted(posts - {post.id for post in plan.posts})
        absent = sorted(asked - one.answers.keys())
        if strange:
            return f"it holds answers to {_named(strange)}, which the plan {plan.digest} does not ask about"
        lost = f"it has no answer to {_named(absent)}, of {len(asked)} that the plan {plan.digest} asks"
        return lost if absent else ""
    if isinstance(n_posts, int) and len(posts) != n_posts:
        return f"it holds answers to {len(posts)} texts, and says that {n_posts} were drawn"
    return ""


def _named(ids: list[str]) -> str:
    return f"{count_of(len(ids), 'text')} ({', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''})"


def encode(baseline: Baseline) -> str:
    """The file, sorted, so that a changed answer is a changed line."""
    value = asdict(baseline)
    variants = sorted(value.pop("variants").items())
    answers = [(name, *pair) for name, one in variants for pair in sorted(one.pop("answers").items())]
    head = {"format": FORMAT, **value}
    return "\n".join(
        (
            "{",
            *(f" {_json(key)}: {_json(one)}," for key, one in head.items()),
            ' "variants": [',
            *(f"  {_json({'name': name, **one})}," for name, one in variants),
            "  null",
            " ],",
            ' "answers": [',
            *(f"  {_json(one)}," for one in answers),
            "  null",
            " ]",
            "}",
            "",
        )
    )


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def answers_of_both(
    baseline: Baseline, variant: str, posts: Iterable[Post], results: Mapping[Key, Result]
) -> list[tuple[Post, str, str]]:
    """The posts that the baseline and the results both know, each with the old and the new answer."""
    known = baseline.answers(variant)
    return [
        (post, known[post.id], answer_text(result))
        for post in posts
        if post.id in known and (result := results.get((post.id, variant))) is not None and result.prediction
    ]


def answer_text(result: Result) -> str:
    """The answer as the file keeps it: the label, ``(blocked)`` and the like, or the hash of a long answer."""
    said = result.prediction
    if said is None:
        raise BaselineError(f"{result.post_id}: {result.variant} has no answer: {result.broken}")
    if said.is_error:
        return f"({said.outcome.value})"
    if said.outcome is Outcome.LABEL or (len(said.label) <= _MAX_CLEAR and "\n" not in said.label):
        return said.label
    return f"(sha256 {hashlib.sha256(said.label.encode('utf-8', 'surrogatepass')).hexdigest()[:12]})"


def _draw(plan: Plan) -> dict[str, Any]:
    return {
        "classes": plan.classes,
        "posts_per_class": plan.posts_per_class,
        "sample_seed": plan.seed,
        "allow_threads": plan.allow_threads,
        "preprocessing": plan.preprocessing,
    }


def _scores(score: Score) -> dict[str, Any]:
    return {
        "n": score.n,
        "n_correct": score.n_correct,
        "accuracy": round(score.accuracy, 6),
        "closed_set_accuracy": round(score.closed_set_accuracy, 6),
        "macro_f1": None if score.macro_f1 != score.macro_f1 else round(score.macro_f1, 6),
        "n_off_list": score.n_off_list,
        "n_errors": score.n_errors,
        "input_tokens": score.input_tokens,
        "output_tokens": score.output_tokens,
    }


def _answers(value: Any) -> list[tuple[str, str]]:
    pairs = list(value.items() if isinstance(value, dict) else value)
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        raise ValueError("expected answers to map an id to a text")
    return pairs
