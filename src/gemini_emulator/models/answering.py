"""The two models as they answer a prompt: one text out of several, each with its log-probability."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ..wire.model_names import BASE_VERSION, TUNED_VERSION
from .base_model import BaseModel
from .generation import Draft
from .json_answer import Chooser, answer_json
from .prompt import Prompt

_IMPOSSIBLE = math.log(1e-300)
#: Labels in, the names that may be chosen and the log-probability of each out.
_Distribution = Callable[[tuple[str, ...]], tuple[tuple[str, ...], list[float]]]


@dataclass(frozen=True)
class BaseVoice:
    """The base model, having read a prompt."""

    prompt: Prompt
    version: str = BASE_VERSION

    @cached_property
    def _model(self) -> BaseModel:
        return BaseModel(self.prompt)

    def say(self, round_number: int) -> Draft:
        """Its answer to the prompt."""
        model, thought = self._model, self._model.thought()
        pick = _Pick(self.prompt, round_number, self._distribution)
        if self.prompt.mime_type == "application/json":
            answers = model.answers()
            return pick.json(lambda: model.chat()[0] if answers is None else pick(model.labels), thought)
        answers = model.answers()
        if answers is None:
            said = model.chat()
            return Draft(
                said[_draw(self.prompt, [0.0] * len(said), said, round_number, ties_first=True)], None, thought
            )
        names, logprobs = self._distribution(model.labels)
        chosen = _draw(self.prompt, logprobs, names, round_number)
        return Draft(answers[chosen], logprobs[chosen], thought, tuple(zip(answers, logprobs, strict=True)))

    def _distribution(self, labels: tuple[str, ...]) -> tuple[tuple[str, ...], list[float]]:
        return labels, _log_softmax(self._model.scores(labels))


@dataclass(frozen=True)
class TunedVoice:
    """A tuned model, having read a prompt: its outputs, and how probable each is."""

    prompt: Prompt
    outputs: tuple[str, ...]
    probabilities: list[float]
    version: str = TUNED_VERSION

    def say(self, round_number: int) -> Draft:
        """The most probable output, or one drawn at the prompt's temperature."""
        ranked = sorted(zip(self.probabilities, self.outputs, strict=True), reverse=True)[:3]
        shown = ", ".join(f"{output} ({probability:.0%})" for probability, output in ranked)
        thought = f"The outputs that I hold for most probable here are {shown}."
        if self.prompt.mime_type == "application/json":
            return _Pick(self.prompt, round_number, self._distribution).json(lambda: ranked[0][1], thought)
        names, logprobs = self._distribution(self.prompt.enum)
        chosen = _draw(self.prompt, logprobs, names, round_number)
        return Draft(names[chosen], logprobs[chosen], thought, tuple(zip(names, logprobs, strict=True)))

    def _distribution(self, enum: tuple[str, ...]) -> tuple[tuple[str, ...], list[float]]:
        """The outputs that an enum allows, their probabilities scaled to a sum of one."""
        known = dict(zip(self.outputs, self.probabilities, strict=True))
        names = tuple(output for output in self.outputs if not enum or output in enum)
        if not names:  # it was tuned on other labels, so it is no better than untuned
            return enum, _log_softmax(BaseModel(self.prompt).scores(enum))
        logprobs = [math.log(known[name]) if known[name] > 0 else _IMPOSSIBLE for name in names]
        return names, logprobs if names == self.outputs else _log_softmax(logprobs)


class _Pick:
    """Chooses the strings of a JSON answer among those that the schema allows."""

    def __init__(self, prompt: Prompt, round_number: int, distribution: _Distribution) -> None:
        self._prompt, self._round, self._distribution = prompt, round_number, distribution
        self._asked: list[tuple[tuple[str, ...], list[float], int]] = []

    def __call__(self, labels: tuple[str, ...]) -> str:
        names, logprobs = self._distribution(labels)
        chosen = _draw(self._prompt, logprobs, names, self._round)
        self._asked.append((names, logprobs, chosen))
        return names[chosen]

    def json(self, speak: Callable[[], str], thought: str) -> Draft:
        """The JSON answer; if it holds one choice, the other choices are its alternatives."""
        schema = self._prompt.schema
        text = answer_json(schema, Chooser(pick=self, speak=speak))
        logprob = sum(logprobs[chosen] for _, logprobs, chosen in self._asked) if self._asked else None
        if len(self._asked) != 1 or self._prompt.top_logprobs is None:
            return Draft(text, logprob, thought)
        names, logprobs, _ = self._asked[0]
        others = [answer_json(schema, Chooser(lambda _, name=name: name, lambda name=name: name)) for name in names]  # type: ignore[misc]
        return Draft(text, logprob, thought, tuple(zip(others, logprobs, strict=True)) if text in others else ())


def _log_softmax(scores: list[float]) -> list[float]:
    best = max(scores)
    total = math.log(sum(math.exp(score - best) for score in scores))
    return [score - best - total for score in scores]


def _draw(
    prompt: Prompt, logprobs: list[float], names: tuple[str, ...], round_number: int, *, ties_first: bool = False
) -> int:
    """The likeliest, of equals the first by name; or one drawn at the prompt's temperature."""
    if prompt.sampler.temperature > 0:
        return prompt.sampler.draw(logprobs, round_number=round_number)
    return min(range(len(names)), key=lambda index: (-logprobs[index], "" if ties_first else names[index]))
