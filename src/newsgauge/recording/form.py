"""How one variant asks in this recording: its templates, labels and model, with the post still open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..records import Post
from ..running.model_resolution import AskedModels
from ..running.run_config import Setup
from ..variants.variants_file import Request, Variant


@dataclass(frozen=True, slots=True)
class Form:
    """``provenance`` is what a line says of the model beyond its name."""

    setup: Setup
    variant: Variant
    model: str
    provenance: Mapping[str, str] = field(default_factory=dict)

    def request(self, post: Post) -> Request:
        """The post asked."""
        return self.setup.request(self.variant, post, model=self.model)

    def chars(self, post: Post) -> int:
        """About how many characters that are."""
        shown = sum(len(block.text) for block in self.setup.blocks(self.variant.name))
        return len(self.variant.contents) + len(self.variant.system_instruction or "") + shown + len(post.text)


def make_forms(setup: Setup, models: AskedModels) -> dict[str, Form]:
    """The form of each variant; its tuned model is made ready where ``models`` can reach a backend."""
    forms = {}
    for name, variant in setup.variants.items():
        model, provenance = models.of(variant, lambda: None)
        forms[name] = Form(setup, variant, model, provenance)
    return forms
