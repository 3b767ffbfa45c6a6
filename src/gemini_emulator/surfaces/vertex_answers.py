"""Turns an answer of the Developer API into Vertex's form."""

from __future__ import annotations

from typing import Any

from ..wire.json_fields import now


def as_vertex(answer: dict[str, Any]) -> dict[str, Any]:
    """With time and kind of traffic, and the spoken tokens by modality; candidates have no index there."""
    usage = dict(answer["usageMetadata"], trafficType="ON_DEMAND")
    if "candidatesTokenCount" in usage:
        usage["candidatesTokensDetails"] = [{"modality": "TEXT", "tokenCount": usage["candidatesTokenCount"]}]
    candidates = [
        {key: value for key, value in candidate.items() if key != "index"} for candidate in answer.get("candidates", ())
    ]
    return answer | {"candidates": candidates, "usageMetadata": usage, "createTime": now()}
