"""A JSONL training file in, examples out: one conversation per line, a user's turn and the model's answer."""

from __future__ import annotations

from ..models.tuned_model import Example, TrainingError
from ..wire.api_errors import ServiceError
from ..wire.json_fields import parse_json
from ..wire.messages import TRAINING_LINE


def read_training_file(data: bytes, uri: str) -> list[Example]:
    """The examples in the order of the file. Raises `TrainingError` with the first wrong line.

    A line is ``{"contents": [{"role": "user", "parts": [{"text": ...}]}, {"role": "model", "parts":
    [...]}]}``. What the user said, joined, is the input; a system instruction is read and plays no part, as
    it does in predictions.
    """
    examples = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                examples.append(_example(line))
            except (ServiceError, RecursionError) as error:
                reason = error.message if isinstance(error, ServiceError) else "nested too deeply"
                raise TrainingError(f"{uri}: line {number}: {reason}") from None
    return examples


def _example(line: bytes) -> Example:
    contents = TRAINING_LINE(parse_json(line), "")["contents"]
    roles = [content.get("role") for content in contents]
    if len(roles) < 2 or roles[-1] != "model" or any(role != "user" for role in roles[:-1]):
        raise ServiceError(400, "INVALID_ARGUMENT", f"expected the roles user, model, got {roles[:6]}")
    texts = ["\n".join(part["text"] for part in content["parts"]) for content in contents]
    return Example("\n".join(texts[:-1]), texts[-1])
