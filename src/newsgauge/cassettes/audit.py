"""Checks of cassette files: a file in, `Finding` records out. Changes nothing, needs no service and no corpus.

The caller passes what the plans ask for and the texts of the real posts. To find copied text, passages are compared,
not shared phrases. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from .._util.files import LFS_ADVICE, attribute_line, is_lfs_pointer
from .._util.secrets import find_addresses, find_secrets
from .._util.wording import one_line
from ..records import EMBEDDED_VERSION, bare_model, shown_id
from .digest import MIN_QUOTED_CHARS
from .line import HEADERS, Line, case_of, decode, number_of, peek_key
from .services import GEMINI, named_service


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a cassette that must not be committed. Never holds the secret or the passage itself."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f':{self.line}'}: {self.what}"


def audit_file(path: Path, *, shown: str) -> list[Finding]:
    """What is wrong with a file by itself: damage, order, duplicates, schema, provenance, secrets, addresses."""
    if is_lfs_pointer(path):
        return [Finding(shown, None, LFS_ADVICE)]
    findings: list[Finding] = []
    previous = ""
    n_calls: dict[str, int] = {}
    lines = path.read_bytes().splitlines(keepends=True)
    if changed := [number for number, raw in enumerate(lines, 1) if raw.endswith(b"\r\n")]:
        what = (
            f"{len(changed):,} lines end in CRLF: git changed the file on checkout. Put '"
            f"{attribute_line(shown.partition('/')[0] + '/**')}' into .gitattributes, as newsgauge init does, and run: "
            "newsgauge cassettes finalize"
        )
        findings.append(Finding(shown, changed[0], what))
    for number, raw in enumerate(lines, 1):
        key = peek_key(raw)
        problems = [*_line_problems(raw, backend=path.parent.parent.name)]
        if key is not None and key == previous:
            problems.append(f"{shown_id(key)} appears twice; the later line counts. Run: newsgauge cassettes finalize")
        elif key is not None and key < previous:
            before = shown_id(previous)
            problems.append(f"not sorted: {shown_id(key)} comes after {before}. Run: newsgauge cassettes finalize")
        if key is not None:
            problems += _call_problems(raw, key, n_calls)
        previous = key or previous
        findings += [Finding(shown, number, what) for what in problems]
    return findings


def find_orphans(path: Path, wanted: Collection[str] | None, *, shown: str) -> list[Finding]:
    """One finding for all lines that no plan asks for; ``wanted`` is None if no plan asks for this file at all."""
    found = [
        (number, key)
        for number, raw in enumerate(path.read_bytes().splitlines(), 1)
        if (key := peek_key(raw)) is not None and (wanted is None or case_of(key) not in wanted)
    ]
    paid = "" if path.parent.parent.name == "embedded" else " --paid"
    ways_out = f"Add the plan that recorded it to PLANS.toml, or drop it: newsgauge cassettes prune --yes{paid}"
    if wanted is None:
        return [Finding(shown, None, f"no plan of PLANS.toml asks for this file ({len(found):,} lines). {ways_out}")]
    if not found:
        return []
    number, key = found[0]
    more = f" and for {len(found) - 1:,} more lines" if len(found) > 1 else ""
    return [Finding(shown, number, f"orphan: no plan of PLANS.toml asks for {shown_id(key)}{more}. {ways_out}")]


def strings_of(value: Any) -> Iterator[str]:
    """Every text in a decoded JSON value, names included."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, str):
        yield value


def _line_problems(raw: bytes, *, backend: str) -> Iterator[str]:
    text = raw.decode("latin-1")
    try:
        value = json.loads(raw)
        text += "\n" + "\n".join(strings_of(value))  # in the raw line quotes and other letters are escaped
    except ValueError:
        value = None
    for kind in find_secrets(text):
        yield f"holds what looks like a secret: {kind}. Take the line out, and revoke it: a commit may be public"
    if find_addresses(text):
        yield "holds an e-mail address"
    try:
        line = decode(raw) if peek_key(raw) else None
    except ValueError as error:
        yield f"not a recorded case: {error}"
        return
    if line is None:
        yield "not a recorded case: cut, a merge conflict, or of a format that is not known here"
        return
    yield from schema_problems(value)
    if line.encode() != raw.rstrip(b"\r\n") + b"\n":
        yield "not in canonical form (sorted names, no spaces, ASCII). Run: newsgauge cassettes finalize"
    yield from _provenance_problems(line, backend)


def schema_problems(value: Any) -> Iterator[str]:
    """One sentence per place where a decoded line is not what ``cassette-line.schema.json`` says."""
    for error in line_validator().iter_errors(value):
        place = ".".join(map(str, error.absolute_path)) or "the line"
        if error.validator in ("required", "additionalProperties"):
            yield f"{place}: {error.message}"
        else:
            expected, got = json.dumps(error.validator_value), one_line(json.dumps(error.instance), 50)
            yield f"{place}: expected {error.validator} {expected}, got {got}"


@cache
def line_validator() -> Any:
    """Holds a value against the schema of a line."""
    from jsonschema import Draft202012Validator  # only a check of cassettes needs it

    schema = files("newsgauge.cassettes").joinpath("cassette-line.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))


def _call_problems(raw: bytes, key: str, n_calls: dict[str, int]) -> Iterator[str]:
    """``n_calls``: of the posts so far; a first call's line comes before those of the others, as files are sorted."""
    if number_of(key) == 1:
        with suppress(ValueError):
            n_calls[key] = decode(raw).n_calls
    elif number_of(key) > n_calls.get(case_of(key), 0):
        yield f"call {number_of(key)} of a case that makes fewer. Run: newsgauge cassettes finalize"


def _provenance_problems(line: Line, backend: str) -> Iterator[str]:
    if line.provenance.get("backend") != backend:
        yield f"lies in the folder of backend {backend!r}, but backend {line.provenance.get('backend')!r} answered"
    version = line.provenance.get("model_version", "")
    service = named_service(line.service)
    for name in line.headers.keys() - HEADERS.keys() - set(service.table.get("headers", ())):
        yield f"response.headers: {name!r} is none that the profile of {service.name} keeps"
    answered = service.model_version(line.answer) if isinstance(line.answer, dict) else ""
    if bare_model(version) != answered:
        yield f"provenance says model version {version!r}, the answer says {answered!r}"
    if not answered:
        if service.is_answered_by_a_model(line.path):
            yield "the answer names no model version, so nobody knows which model it was"
        return
    if service is GEMINI and answered.startswith(EMBEDDED_VERSION) != (line.provenance.get("backend") == "embedded"):
        yield f"backend {line.provenance.get('backend')!r} cannot have answered as {answered!r}"


#: A shorter run of equal characters is a phrase. The same bound as for answers that quote their post.
MIN_CHARS = MIN_QUOTED_CHARS
#: Length of a passage: this many characters of a line, from the start of a word.
_PASSAGE = re.compile(rf"(?<!\S)(?=(\S.{{{MIN_CHARS - 1}}}))")


def find_quotations(ours: Mapping[str, Iterable[str]], theirs: str) -> dict[str, set[str]]:
    """For each place of ours, the passages that ``theirs`` contains: 40 characters of a line, from the start of a word.

    A line of more than 40 characters that is quoted whole is always found.
    """
    places: dict[str, set[str]] = {}
    for place, texts in ours.items():
        for passage in (match[1] for text in texts for match in _PASSAGE.finditer(text)):
            places.setdefault(passage, set()).add(place)
    found: dict[str, set[str]] = {}
    for match in _PASSAGE.finditer(theirs):
        for place in places.get(match[1], ()):
            found.setdefault(place, set()).add(match[1])
    return found
