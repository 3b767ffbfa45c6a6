"""Variants with ``api``, and the ready-made techniques: a post asked of OpenAI or Anthropic, a `Prediction` back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..cassettes.services import named_service
from ..client.answers import finish_answer, read_usage
from ..client.other_apis import SERVICE_OF, OtherClient
from ..client.retry import RetryPolicy
from ..records import Outcome, Prediction
from ..variants.checks import check_table
from ..variants.variants_file import ReadyVariant, Variant

_WHY = {Outcome.BLOCKED: "the service refused to answer", Outcome.CUT: "cut off at its bound", Outcome.EMPTY: "no text"}


def read_other(answer: dict[str, Any], variant: Variant, labels: tuple[str, ...]) -> Prediction:
    """The JSON of an answer as a prediction; it counts only if it came to its own end."""
    service = named_service(SERVICE_OF[variant.api])
    outcome = service.outcome(answer)
    return finish_answer(
        outcome,
        "" if outcome is None else _WHY[outcome],
        service.text(answer),
        labels,
        as_json=variant.answer != "text",
        cleanup=variant.answer_cleanup,
        version=service.model_version(answer),
        usage=read_usage(service.usage(answer)),
    )


def ask_openai(text: str, *, labels: Sequence[str], model: str, **variant: Any) -> Prediction:
    """Ask OpenAI, or a server that speaks its API (``OPENAI_BASE_URL``), as a variant of variants.toml asks Gemini.

    For techniques: the prediction is to be returned. ``variant`` takes the keys of such a variant: ``contents``
    (default ``{post}``), ``system_instruction``, ``answer``, ``max_output_tokens``, ``config``, ``json_fields``. Raises
    `BackendError`, `UsageError`.
    """
    return _ask("openai", text, tuple(labels), model, variant)


def ask_anthropic(text: str, *, labels: Sequence[str], model: str, **variant: Any) -> Prediction:
    """The same of Anthropic; its server may be another one by ``ANTHROPIC_BASE_URL``."""
    return _ask("anthropic", text, tuple(labels), model, variant)


def _ask(
    api: Literal["openai", "anthropic"], text: str, labels: tuple[str, ...], model: str, keys: Mapping[str, Any]
) -> Prediction:
    from ..variants.variants_file import variant_of

    table = {"contents": "{post}", **keys, "about": "a ready-made technique", "model": model, "api": api}
    check_table(f"ask_{api}", "own", table)
    variant = variant_of("own", table)
    request = ReadyVariant(variant, model, labels).template.about(text)
    client = OtherClient(api, live=True)
    try:
        return read_other(client.ask(request, RetryPolicy()), variant, labels)
    finally:
        client.close()
