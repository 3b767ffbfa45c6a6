"""The two models as they answer a prompt: the base model from names, a tuned model from its probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..wire.model_names import BASE_VERSION, TUNED_VERSION
from . import base_model
from .generation import Draft
from .json_answer import Chooser, answer_json
from .prompt import Prompt


@dataclass(frozen=True, slots=True)
class BaseVoice:
    """The base model, having read a prompt."""

    prompt: Prompt
    version: str = BASE_VERSION

    def say(self, round_number: int) -> Draft:
        """Its answer to the prompt."""
        prompt = self.prompt
        draw = None if prompt.sampler.temperature <= 0 else _drawer(prompt, round_number)

        def speak(enum: tuple[str, ...] = ()) -> str:
            return base_model.answer(prompt.contents, system_instruction=prompt.instruction, enum=enum, draw=draw)

        if prompt.mime_type == "application/json":
            text = answer_json(prompt.schema, Chooser(pick=speak, speak=speak))
        else:
            text = speak(prompt.enum)
        thought = (
            "I compare the words of the message with the words in the names of the newsgroups that could be "
            "meant, and take the name that is met most often."
        )
        return Draft(text, None, thought)


@dataclass(frozen=True, slots=True)
class TunedVoice:
    """A tuned model, having read a prompt: its outputs, and how probable each is."""

    prompt: Prompt
    outputs: tuple[str, ...]
    probabilities: list[float]
    version: str = TUNED_VERSION

    def say(self, round_number: int) -> Draft:
        """The most probable output, or one drawn at the prompt's temperature."""
        prompt = self.prompt
        best, logprob = self._choose((), round_number)
        if prompt.mime_type == "application/json":
            text = answer_json(
                prompt.schema,
                Chooser(pick=lambda enum: self._choose(enum, round_number)[0], speak=lambda: best),
            )
        else:
            text, logprob = self._choose(prompt.enum, round_number)
        ranked = sorted(zip(self.probabilities, self.outputs, strict=True), reverse=True)[:3]
        shown = ", ".join(f"{output} ({probability:.0%})" for probability, output in ranked)
        return Draft(text, logprob, f"The outputs that I hold for most probable here are {shown}.")

    def _choose(self, enum: tuple[str, ...], round_number: int) -> tuple[str, float]:
        allowed = [index for index, output in enumerate(self.outputs) if not enum or output in enum]
        if not allowed:  # it was tuned on other labels: as good as untuned
            return base_model.name_group(self.prompt.contents, enum), math.log(1e-300)
        logs = [math.log(max(self.probabilities[index], 1e-300)) for index in allowed]
        if self.prompt.sampler.temperature <= 0:
            chosen = max(range(len(allowed)), key=lambda place: self.probabilities[allowed[place]])
        else:
            chosen = self.prompt.sampler.draw(logs, round_number=round_number)
        return self.outputs[allowed[chosen]], logs[chosen]


def _drawer(prompt: Prompt, round_number: int) -> Callable[[list[float]], int]:
    return lambda scores: prompt.sampler.draw(scores, round_number=round_number)
