"""variants.toml in, `Variant` records out; variant x post -> `Request`. Pure; knows no SDK and no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from .errors import VariantsError
from .records import Post
from .toml_files import read_toml

TUNED = "tuned"
Answer = Literal["text", "enum"]
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the tuned model of a variant is trained; part of its name, so a changed value is another model."""

    posts_per_class: int = 50
    epochs: int = 2
    batch_size: int = 16
    learning_rate: float = 0.001
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ask. ``contents`` holds ``{post}``; ``{labels}`` stands for the plan's labels, one a line."""

    name: str
    about: str
    model: str
    contents: str
    system_instruction: str | None = None
    answer: Answer = "text"
    max_output_tokens: int | None = None
    tuning: Tuning | None = None
    #: One version for every backend, or one a backend.
    expected_model_version: str | Mapping[str, str] | None = None

    def pinned_version(self, backend: str) -> str | None:
        """The ``modelVersion`` that has to answer; None where any may."""
        pin = self.expected_model_version
        return pin if pin is None or isinstance(pin, str) else pin.get(backend)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the service, in its own words but without its SDK."""

    model: str
    contents: str
    system_instruction: str | None
    enum: tuple[str, ...] | None
    max_output_tokens: int | None


_KEYS: dict[str, type] = {
    "about": str,
    "model": str,
    "contents": str,
    "system_instruction": str,
    "answer": str,
    "max_output_tokens": int,
    "tuning": dict,
}
_TUNING_KEYS: dict[str, tuple[type, ...]] = {
    "posts_per_class": (int,),
    "epochs": (int,),
    "batch_size": (int,),
    "learning_rate": (int, float),
    "seed": (int,),
}


def load_variants(path: Path) -> dict[str, Variant]:
    """All variants of the file, by name, in the order of the file. Raises `VariantsError`."""
    tables = read_toml(path, expected="the variants to ask", error=VariantsError)
    if not tables:
        raise VariantsError(f"{path}: expected one table a variant, the file is empty")
    return {name: _variant(path.name, name, table) for name, table in tables.items()}


def select_variants(variants: dict[str, Variant], names: str | None) -> dict[str, Variant]:
    """The variants named in a comma-separated list, in the order of the file; None or '' selects all."""
    if not names:
        return variants
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in variants]
    if unknown or not wanted:
        raise VariantsError(
            f"--variants: unknown {', '.join(map(repr, unknown)) or repr(names)}; known: {', '.join(variants)}"
        )
    return {name: variant for name, variant in variants.items() if name in wanted}


def make_request(variant: Variant, post: Post, *, labels: tuple[str, ...], model: str) -> Request:
    """Fill the variant's templates. ``model`` is the model to ask: the variant's own, or its tuned model."""

    def fill(template: str) -> str:
        # One pass, so that a post which happens to contain "{labels}" is left as it is.
        values = {"post": post.text, "labels": "\n".join(labels)}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], template)

    instruction = variant.system_instruction
    return Request(
        model=model,
        contents=fill(variant.contents),
        system_instruction=None if instruction is None else fill(instruction),
        enum=labels if variant.answer == "enum" else None,
        max_output_tokens=variant.max_output_tokens,
    )


def _variant(file: str, name: str, table: Any) -> Variant:
    where = f"{file}: [{name}]"
    if not _NAME.fullmatch(name):
        raise VariantsError(f"{where}: expected a name of lower-case letters, digits and hyphens")
    if not isinstance(table, dict):
        raise VariantsError(f"{where}: expected a table, got {table!r}; did its [header] get lost?")
    kinds: dict[str, tuple[type, ...]] = {key: (kind,) for key, kind in _KEYS.items()}
    _check_keys(where, table, {**kinds, "expected_model_version": (str, dict)})
    pin = table.get("expected_model_version")
    if isinstance(pin, dict):
        _check_keys(f"{where} expected_model_version", pin, dict.fromkeys(("embedded", "gemini", "vertex"), (str,)))
    for key in ("about", "model", "contents"):
        if not table.get(key, "").strip():
            raise VariantsError(f"{where}: expected a non-empty {key!r}")
    if table["contents"].count("{post}") != 1:
        raise VariantsError(f"{where}: expected 'contents' to hold {{post}} exactly once")
    for key, allowed in (("contents", {"post", "labels"}), ("system_instruction", {"labels"})):
        unknown = set(_PLACEHOLDER.findall(table.get(key, ""))) - allowed
        if unknown:
            raise VariantsError(
                f"{where}: unknown placeholder {{{sorted(unknown)[0]}}} in {key!r}; "
                f"known: {', '.join(f'{{{known}}}' for known in sorted(allowed))}"
            )
    if table.get("answer", "text") not in get_args(Answer):
        raise VariantsError(f"{where}: 'answer' is {table['answer']!r}; known: {', '.join(get_args(Answer))}")
    if table.get("max_output_tokens", 1) < 1:
        raise VariantsError(f"{where}: expected 'max_output_tokens' from 1, got {table['max_output_tokens']}")
    tuning = table.get("tuning")
    if (table["model"] == TUNED) != (tuning is not None):
        raise VariantsError(f"{where}: 'tuning' and model = \"{TUNED}\" go together; only one of them is there")
    if tuning is not None:
        _check_keys(f"{where} tuning", tuning, _TUNING_KEYS)
        for key, value in tuning.items():
            if key != "seed" and value <= 0:
                raise VariantsError(f"{where}: expected tuning.{key} above 0, got {value}")
    return Variant(name=name, **{**table, "tuning": None if tuning is None else Tuning(**tuning)})


def _check_keys(where: str, table: dict[str, Any], known: dict[str, tuple[type, ...]]) -> None:
    for key, value in table.items():
        if key not in known:
            raise VariantsError(f"{where}: unknown key {key!r}; known: {', '.join(known)}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            kinds = " or ".join(kind.__name__ for kind in known[key])
            raise VariantsError(f"{where}: expected {key!r} to be {kinds}, got {type(value).__name__}")
