"""One text asked of one variant: its label, and the second-best if the service gives probabilities."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..client.answers import read_for
from ..client.calls import generate
from ..corpora.preprocessing import plain
from ..records import Outcome, Prediction

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import GenerateContentResponse

    from ..variants.variants_file import ReadyVariant


@dataclass(frozen=True, slots=True)
class Answer:
    """A prediction with the mean log-probability of its tokens (nats), and the same of the next best label."""

    prediction: Prediction
    logprob: float | None = None
    second: str | None = None
    second_logprob: float | None = None


def classify(client: genai.Client, ready: ReadyVariant, text: str, *, with_second: bool) -> Answer:
    """Ask as the variant asks. No service lists whole labels with their probabilities, so the second-best is asked for
    in a second call, whose schema allows every label but the first. Raises `BackendError`.
    """
    request, variant, labels = ready.template.about(plain(text)), ready.variant, ready.labels
    response = generate(client, request)
    prediction, logprob = read_for(variant, response, labels), _logprob(response)
    if prediction.outcome is not Outcome.LABEL:
        return Answer(prediction)  # how sure a model was of what is no label says nothing about any label
    others = tuple(label for label in labels if label != prediction.label)
    if not with_second or logprob is None or not others:
        return Answer(prediction, logprob)
    response = generate(client, dataclasses.replace(request, enum=others))
    second = read_for(variant, response, others)
    if second.outcome is not Outcome.LABEL:
        return Answer(prediction, logprob)
    given = _logprob(response)  # as the first label was forbidden, a share of what is left beside it
    left = 1 - math.exp(logprob)
    second_logprob = given + math.log(left) if given is not None and left > 0 else None
    return Answer(prediction, logprob, second.label, second_logprob)


def _logprob(response: GenerateContentResponse) -> float | None:
    """The log-probability of the whole answer: ``avgLogprobs`` is that of one of its tokens."""
    usage = response.usage_metadata
    if not response.candidates or response.candidates[0].avg_logprobs is None or usage is None:
        return None
    return response.candidates[0].avg_logprobs * (usage.candidates_token_count or 0)
