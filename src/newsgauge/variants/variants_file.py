"""variants.toml in, `Variant` records out, and the `Template` of their requests. Pure; knows no SDK and no network.

Also how a variant asks, in readable parts: a variant and the plan's labels in, names and texts out.

``{post}`` and ``{examples}`` stay as they are: what they stand for is text of posts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from .._util.wording import did_you_mean
from ..errors import VariantsError
from ..records import Post, Request, Template
from .checks import EXAMPLE_KEYS, PLACEHOLDER, Answer, Api, Cleanup, check_table, short_name

_PLACE = re.compile(r"projects/[^/]+/locations/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the tuned model of a variant is trained; part of its name, so a changed value is another model.

    ``share_threads``: train on posts of threads that have test posts, too. Such test posts are easier than new ones.
    """

    posts_per_class: int = 50
    epochs: int = 2
    batch_size: int = 16
    learning_rate: float = 0.001
    seed: int = 0
    share_threads: bool = False
    #: Train posts beside those, on which Vertex measures each checkpoint; no part of the model.
    validation_posts_per_class: int = 0


@dataclass(frozen=True, slots=True)
class Training:
    """Which training posts an estimator is fitted on; ``share_threads`` as for `Tuning`."""

    posts_per_class: int = 50
    seed: int = 0
    share_threads: bool = False


@dataclass(frozen=True, slots=True)
class FewShot:
    """Which training posts ``{examples}`` shows, and how: ``template`` with ``{post}`` and ``{label}``.

    ``chars`` is the longest text of an example, in characters.
    """

    per_class: int
    template: str = "{post}\n-> {label}"
    chars: int = 500
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to find a label: a prompt, or a callable of the user's own (``predict``, ``estimator``).

    ``contents`` holds ``{post}``; ``{labels}`` stands for the plan's labels, one per line, ``{examples}`` for training
    posts with their labels. ``contents`` is empty if a callable asks, ``model`` if nobody is asked.
    """

    name: str
    about: str
    model: str
    contents: str
    system_instruction: str | None = None
    answer: Answer = "text"
    max_output_tokens: int | None = None
    #: More of the SDK's ``GenerateContentConfig``, by its own names.
    config: Mapping[str, Any] = field(default_factory=dict)
    #: The API to ask: Gemini's, with any backend, or another service's.
    api: Api = "gemini"
    #: Where Vertex is asked, such as "global"; None: where the environment says. A tuned model is asked where it lives.
    location: str | None = None
    #: The cleanup steps for an answer that is not a label.
    answer_cleanup: tuple[Cleanup, ...] = ()
    tuning: Tuning | None = None
    #: One version for every backend, or one per backend.
    expected_model_version: str | Mapping[str, str] | None = None
    few_shot: FewShot | None = None
    #: With ``answer = "json"``: what the object holds before ``label``, each with its type.
    json_fields: tuple[tuple[str, str], ...] = ()
    #: ``module:callable`` that is called with the text and a client.
    predict: str | None = None
    #: ``module:callable`` that makes a scikit-learn estimator, and what that is fitted on.
    estimator: str | None = None
    training: Training | None = None
    #: How often each post is asked, unless ``--repeats`` says otherwise.
    repeats: int = 1
    #: The disturbance under which each text is asked; '' for the text as it is.
    under: str = ""
    #: How sure the model is of an answer: ``logprobs``, ``field:NAME`` of a JSON answer, or ``votes`` of repeats.
    confidence: str | None = None

    @property
    def is_gemini_prompt(self) -> bool:
        """True for a prompt that Gemini is asked: what it asks is known without calling anything."""
        return bool(self.contents) and self.api == "gemini"

    @property
    def has_cassette(self) -> bool:
        """False if no service is asked, so that there is nothing to record."""
        return self.estimator is None

    def pinned_version(self, backend: str) -> str | None:
        """The ``modelVersion`` that has to answer; None if any may."""
        pin = self.expected_model_version
        return pin if pin is None or isinstance(pin, str) else pin.get(backend)


@dataclass(frozen=True)
class ReadyVariant:
    """A variant with all that it asks but the post.

    ``model``: the variant's own, or its tuned model; ``provenance``: what a recorded line says of it beyond its name.
    ``examples``: what ``{examples}`` stands for.
    """

    variant: Variant
    model: str
    labels: tuple[str, ...]
    examples: str = field(default="", repr=False)
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str | None:
        """Where Vertex is asked: a tuned model's name says it, and nothing else knows its endpoint."""
        match = _PLACE.match(self.model)
        return match[1] if match else self.variant.location

    @cached_property
    def template(self) -> Template:
        """What it asks about any text."""
        one, instruction = self.variant, self.variant.system_instruction
        values = {"labels": "\n".join(self.labels), "examples": self.examples}
        before, _, after = one.contents.partition("{post}")
        request = Request(
            model=self.model,
            contents="",
            system_instruction=None if instruction is None else _fill(instruction, values),
            enum=None if one.answer == "text" else self.labels,
            max_output_tokens=one.max_output_tokens,
            json_fields=one.json_fields if one.answer == "json" else None,
            config=json.dumps(one.config, sort_keys=True) if one.config else "",
            location=self.location,
        )
        return Template(request, _fill(before, values), _fill(after, values))

    def chars(self, post: Post) -> int:
        """The approximate number of characters of a request."""
        texts = (self.variant.contents, self.variant.system_instruction or "", self.examples, post.text)
        return sum(map(len, texts))


def load_variants(path: Path) -> dict[str, Variant]:
    """All variants of the file, by name, in the order of the file. Raises `VariantsError`."""
    if not path.exists():
        raise VariantsError(
            f"{path}: expected the variants to ask, there is no such file. Go to the project's folder, or make a "
            "project: newsgauge init"
        )
    tables = read_toml(path, expected="the variants to ask", error=VariantsError)
    if not tables:
        raise VariantsError(f"{path}: expected one table per variant, the file is empty")
    found: dict[str, Variant] = {}
    for name, table in tables.items():
        check_table(f"{path.name}: [{name}]", name, table)
        found[name] = variant_of(name, table)
        for under in table.get("under", ()):
            own = f"{name}+{short_name(under)}"
            found[own] = replace(found[name], name=own, under=under)
    return found


def select_variants(variants: dict[str, Variant], names: str | None) -> dict[str, Variant]:
    """The variants named in a comma-separated list, in the order of the file; None selects all.

    With a variant come those that ask the same under a disturbance, as ``tuned+typos``.
    """
    if names is None:
        return variants
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in variants]
    if not wanted:
        raise VariantsError(f"--variants: expected one or more of {', '.join(variants)}, got {names!r}")
    if unknown:
        guess = did_you_mean(unknown[0], variants)
        raise VariantsError(f"--variants: unknown {', '.join(map(repr, unknown))}; known: {', '.join(variants)}{guess}")
    return {name: one for name, one in variants.items() if not {name, name.partition("+")[0]}.isdisjoint(wanted)}


def one_variant(variants: dict[str, Variant], name: str) -> Variant:
    """The variant of that name, of ``--variant``, for other texts than a plan's. Raises `VariantsError`."""
    variants = {name: one for name, one in variants.items() if not one.under}
    if name not in variants:
        raise VariantsError(
            f"--variant: expected one of {', '.join(variants)}, got {name!r}{did_you_mean(name, variants)}"
        )
    return variants[name]


def _fill(template: str, values: Mapping[str, str]) -> str:
    """In one pass, so that an example which happens to contain "{labels}" is left as it is."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def variant_of(name: str, table: Mapping[str, Any]) -> Variant:
    """The variant of a table that was checked."""
    values = {key: value for key, value in table.items() if key not in (*EXAMPLE_KEYS, "under")}
    if "examples_per_class" in table:
        values["few_shot"] = FewShot(**{EXAMPLE_KEYS[key]: table[key] for key in EXAMPLE_KEYS if key in table})
    if "tuning" in table:
        values["tuning"] = Tuning(**table["tuning"])
    if "estimator" in table:
        values["training"] = Training(**table.get("training", {}))
    if "json_fields" in table:
        values["json_fields"] = tuple(table["json_fields"].items())
    if "answer_cleanup" in table:
        values["answer_cleanup"] = tuple(table["answer_cleanup"])
    if "max_output_tokens" in table.get("config", {}):  # said there or as a key of its own, it is the same request
        values["config"] = {key: value for key, value in table["config"].items() if key != "max_output_tokens"}
        values["max_output_tokens"] = table["config"]["max_output_tokens"]
    return Variant(**{"name": name, "model": "", "contents": "", **values})


def prompt_digest(variant: Variant, model: str, *, examples: str = "") -> str:
    """First 12 hex digits of a SHA-256 over how a variant asks, its name and description left out.

    ``examples`` is the digest of what it shows. Of a callable its name counts: what it does is seen in what it asks.
    """
    asked: list[Any] = [variant.system_instruction, variant.contents, variant.answer, variant.max_output_tokens, model]
    drawn = [None if one is None else asdict(one) for one in (variant.few_shot, variant.training)]
    more = [examples, variant.json_fields, variant.predict, variant.estimator, *drawn]
    if any(more):  # a plain prompt has the digest that it had before there was anything else
        asked += more
    if variant.config or variant.answer_cleanup:
        asked += [json.dumps(variant.config, sort_keys=True), variant.answer_cleanup]
    asked += [] if variant.api == "gemini" else [variant.api]
    asked += ["under", variant.under] if variant.under else []
    return hashlib.sha256(json.dumps(asked).encode("ascii")).hexdigest()[:12]


def prompt_parts(variant: Variant, labels: Sequence[str]) -> list[tuple[str, str]]:
    """Name and text of each part, in the order in which a model is given them."""
    values = {"labels": "\n".join(labels)}
    parts = [
        ("texts are disturbed", variant.under),
        ("Python function", variant.predict),
        ("scikit-learn estimator", variant.estimator),
    ]
    if variant.system_instruction is not None:
        parts.append(("system instruction", _fill(variant.system_instruction, values)))
    if variant.contents:
        parts.append(("prompt", _fill(variant.contents, values)))
    if variant.answer != "text":
        fields = [f"{name} ({kind})" for name, kind in variant.json_fields if variant.answer == "json"]
        form = f"JSON with {', '.join([*fields, 'label'])}" if variant.answer == "json" else "the label alone"
        parts.append(("answer held to a schema", f"{form}; the label is one of {', '.join(labels)}"))
    if variant.max_output_tokens is not None:
        parts.append(("output tokens at most", f"{variant.max_output_tokens:,}"))
    return [(name, text) for name, text in parts if text]
