"""How a variant asks, in parts that a person can read: a variant and the plan's labels in, names and texts out.

``{post}`` and ``{examples}`` stay as they are: what they stand for is text of posts.
"""

from __future__ import annotations

from collections.abc import Sequence

from .checks import PLACEHOLDER
from .variants_file import Variant


def prompt_parts(variant: Variant, labels: Sequence[str]) -> list[tuple[str, str]]:
    """Name and text of each part, in the order in which a model is given them."""

    def fill(template: str) -> str:
        return PLACEHOLDER.sub(lambda match: "\n".join(labels) if match[1] == "labels" else match[0], template)

    parts = [("Python function", variant.predict), ("scikit-learn estimator", variant.estimator)]
    if variant.system_instruction is not None:
        parts.append(("system instruction", fill(variant.system_instruction)))
    if variant.contents:
        parts.append(("prompt", fill(variant.contents)))
    if variant.answer != "text":
        fields = [f"{name} ({kind})" for name, kind in variant.json_fields if variant.answer == "json"]
        form = f"JSON with {', '.join([*fields, 'label'])}" if variant.answer == "json" else "the label alone"
        parts.append(("answer held to a schema", f"{form}; the label is one of {', '.join(labels)}"))
    if variant.max_output_tokens is not None:
        parts.append(("output tokens at most", f"{variant.max_output_tokens:,}"))
    return [(name, text) for name, text in parts if text]
