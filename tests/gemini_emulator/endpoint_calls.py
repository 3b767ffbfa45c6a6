"""Requests that several test files send, and the wait for a tuned model."""

from __future__ import annotations

import time
from typing import Any

import httpx2

# Four posts per label, none of them anybody's: words that tell the labels apart, and words that do not.
_WORDS = {
    "sci.space": "orbit rocket shuttle moon payload launch satellite",
    "rec.autos": "engine tyre brake gearbox sedan dealer mileage",
    "sci.med": "doctor patient dose symptom clinic disease therapy",
}


def make_examples(per_label: int = 8) -> list[dict[str, str]]:
    """Training examples in mixed order, in the wire's words."""
    examples = []
    for number in range(per_label):
        for label, words in _WORDS.items():
            chosen = words.split()
            mixed = [chosen[(number * step) % len(chosen)] for step in (1, 2, 3)]
            examples.append({"textInput": f"Subject: note {number}\n\n{' '.join(mixed)} today", "output": label})
    return examples


def tuning_body(examples: list[dict[str, str]], **hyper: float) -> dict[str, object]:
    return {
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "displayName": "Newsgroup model",
        "tuningTask": {"hyperparameters": hyper, "trainingData": {"examples": {"examples": examples}}},
    }


def ask(text: str, **config: object) -> dict[str, object]:
    body: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return body | ({"generationConfig": config} if config else {})


def wait_tuned(http: httpx2.Client, tuned_id: str) -> dict[str, Any]:
    """Poll until the model is no longer CREATING; at most a minute."""
    for _ in range(1200):
        model: dict[str, Any] = http.get(f"/v1beta/tunedModels/{tuned_id}").json()
        if model["state"] != "CREATING":
            return model
        time.sleep(0.05)
    raise AssertionError(f"{tuned_id} is still being created")


def tune(http: httpx2.Client, tuned_id: str, examples: list[dict[str, str]] | None = None, **hyper: float) -> Any:
    examples = make_examples() if examples is None else examples
    body = tuning_body(examples, **hyper)
    answer = http.post("/v1beta/tunedModels", params={"tunedModelId": tuned_id}, json=body)
    assert answer.status_code == 200, answer.text
    return wait_tuned(http, tuned_id)


def said(answer: Any) -> Any:
    """An answer, or the chunks of one, without what differs from call to call: its id and its time."""
    if isinstance(answer, list):
        return [said(chunk) for chunk in answer]
    return {key: value for key, value in answer.items() if key not in ("responseId", "createTime")}
