"""A service as a table of TOML describes it: which requests are its own, where its answers say what. Pure.

``services.toml`` beside this module holds those that are known; a project adds its own in ``evals/services.toml``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from ..errors import UsageError
from ..records import Outcome

_TEXTS = ("path", "host", "like", "model", "stream")
_LISTS = ("prompt", "cut", "blocked", "keep")
_PLACES = ("answer", "model_version", "finish", "tokens_in", "tokens_out", "thinking", "cached")
_NEEDED = ("path", "prompt", "model_version")
_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Profile:
    """A `services.Service` by its table. ``choices.*.message.content`` is a place in JSON, ``*`` is each entry."""

    name: str
    table: Mapping[str, Any]

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The parts of a request that are said to the model."""
        return frozenset(self.table["prompt"])

    @property
    def version_at(self) -> str:
        """As the table has it."""
        return " or ".join(self._places("model_version"))

    def owns(self, host: str, path: str) -> bool:
        """Whether host and path are what the table says; the path of a gateway may stand before it."""
        return bool(re.search(self.table.get("host", ""), host) and re.search(self.table["path"], path))

    def kept_path(self, path: str) -> str:
        """The part of the path that the table is about."""
        found = re.search(self.table["path"], path)
        return found[0] if found else path

    def same_path(self, one: str, other: str) -> bool:
        """Equal: the model stands in the body."""
        return one == other

    def is_answered_by_a_model(self, path: str) -> bool:
        """Always: other paths are not its own."""
        return True

    def is_stream(self, path: str, body: bytes) -> bool:
        """What the request says."""
        try:
            return any(_at(json.loads(body), self.table.get("stream", "stream")))
        except ValueError:
            return False

    def compared_body(self, body: Any) -> Any:
        """All of it."""
        return body

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The parts that the table lists; if it lists none, those in which something is looked for."""
        heads = {place.partition(".")[0] for key in _PLACES for place in self._places(key)}
        return {name: value for name, value in answer.items() if name in (self.table.get("keep") or heads)}

    def model_version(self, answer: dict[str, Any]) -> str:
        """The text at that place."""
        return next((value for value in self._said(answer, "model_version") if isinstance(value, str)), "")

    def provenance(self, path: str, body: Any) -> dict[str, str]:
        """The model as it was asked for."""
        model = next(_at(body, self.table.get("model", "model")), None)
        return {"surface": self.name, "model": model if isinstance(model, str) and model else "unnamed"}

    def usage(self, answer: dict[str, Any]) -> dict[str, int]:
        """Tokens by the names of Gemini's ``usageMetadata``; output holds thinking in all of these services."""
        counts = {name: sum(self._counts(answer, name)) for name in ("tokens_in", "tokens_out", "thinking", "cached")}
        thinking = min(counts["thinking"], counts["tokens_out"])
        return {
            "promptTokenCount": counts["tokens_in"],
            "candidatesTokenCount": counts["tokens_out"] - thinking,
            "thoughtsTokenCount": thinking,
            "cachedContentTokenCount": counts["cached"],
        }

    def outcome(self, answer: dict[str, Any]) -> Outcome | None:
        """Why an answer holds no label; None where it may hold one."""
        finish = {value for value in self._said(answer, "finish") if isinstance(value, str)}
        if finish & set(self.table.get("blocked", ())):
            return Outcome.BLOCKED
        if finish & set(self.table.get("cut", ())):
            return Outcome.CUT
        return None if self.text(answer) or "answer" not in self.table else Outcome.EMPTY

    def text(self, answer: dict[str, Any]) -> str:
        """What was answered, stripped."""
        return "".join(value for value in self._said(answer, "answer") if isinstance(value, str)).strip()

    def _said(self, answer: Any, key: str) -> Iterator[Any]:
        for place in self._places(key):
            yield from _at(answer, place)

    def _places(self, key: str) -> list[str]:
        places = self.table.get(key, [])
        return [places] if isinstance(places, str) else places

    def _counts(self, answer: Any, key: str) -> Iterator[int]:
        return (n for n in self._said(answer, key) if isinstance(n, int) and not isinstance(n, bool) and n > 0)


def read_profiles(path: Path, known: Mapping[str, Profile]) -> dict[str, Profile]:
    """The profiles of a file; ``known`` are others that ``like`` may name. Raises `UsageError`."""
    tables = read_toml(path, expected="the services to record")
    made: dict[str, Profile] = {}
    for name, table in tables.items():
        where = f"{path.name}: [{name}]"
        if not _NAME.fullmatch(name) or not isinstance(table, dict):
            raise UsageError(f"{where}: expected a table, named in lower-case letters, digits and hyphens")
        others = {**{name: one.table for name, one in known.items()}, **tables}
        like = table.get("like", name)
        if not isinstance(others.get(str(like)), Mapping):
            raise UsageError(f"{where}: expected 'like' to name a service, got {like!r}; known: {', '.join(others)}")
        made[name] = Profile(name, _checked(where, {**others[like], **table}))
    return made


def _checked(where: str, table: dict[str, Any]) -> dict[str, Any]:
    for key, value in table.items():
        if key not in (*_TEXTS, *_LISTS, *_PLACES):
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join((*_TEXTS, *_LISTS, *_PLACES))}")
        is_list = isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
        is_text = isinstance(value, str) and bool(value)
        if not ((is_list and key not in _TEXTS) or (is_text and key not in _LISTS)):
            kind = "a text" if key in _TEXTS else "a list of texts" if key in _LISTS else "a place or a list of places"
            raise UsageError(f"{where}: expected {key!r} to be {kind}, got {value!r}")
    if absent := [key for key in _NEEDED if key not in table]:
        raise UsageError(f"{where}: expected {', '.join(map(repr, absent))}, not there")
    for key in ("path", "host"):
        try:
            re.compile(table.get(key, ""))
        except re.error as error:
            raise UsageError(f"{where}: {key!r} is no regular expression: {error}") from None
    return table


def profile_to_write(host: str, path: str, body: bytes) -> str:
    """A line for services.toml about a service that no profile is about; what its answers look like, its user knows."""
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    longest = max(asked, key=lambda key: len(json.dumps(asked[key]))) if isinstance(asked, dict) and asked else "prompt"
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-") or "own"
    prompt, name = json.dumps(longest), name if name[0].isalpha() else f"host-{name}"
    return (
        f"{name} = {{ host = '^{re.escape(host)}$', path = '{re.escape(path)}$', prompt = [{prompt}], "
        'model_version = "model", answer = "PLACE.OF.THE.TEXT", tokens_in = "PLACE", tokens_out = "PLACE" }'
    )


def _at(value: Any, place: str) -> Iterator[Any]:
    """What stands at a place of a JSON value; nothing where there is nothing."""
    head, _, rest = place.partition(".")
    if isinstance(value, list):
        found = value if head == "*" else value[int(head) : int(head) + 1] if head.isdecimal() else []
    else:
        found = [value[head]] if isinstance(value, dict) and head in value else []
    for one in found:
        if rest:
            yield from _at(one, rest)
        else:
            yield one
