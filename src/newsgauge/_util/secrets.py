"""Secrets and addresses in text: found by their shape, or by being a value that the environment holds.

Hides secrets in everything that this process prints or logs: its standard streams and the records of `logging`.

The stream and handler objects stay the same; only what goes through them changes. Output written directly to a file
descriptor (C code, `os.write`) is not seen.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from html import escape
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, quote_plus, unquote, urlsplit

#: Where the SDK reads a key.
KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_API_KEY")
#: A shorter value would be found in ordinary text.
MIN_KEY_CHARS = 8
#: A variable with one of these words in its name holds a secret: LITELLM_MASTER_KEY, HF_TOKEN_PROD, PGPASSWORD.
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:[A-Z]*(?:KEY|TOKEN|SECRET|PASSWORD|PWD)|PASSWD|PASS|PASSPHRASE|PAT|CREDENTIALS?|AUTH|WEBHOOK)(?=_|\d|$)",
    re.IGNORECASE,
)
#: Variables about a secret that hold none.
_ABOUT_SECRETS = re.compile(r"(?:^(?:OLD)?PWD|_(?:FILE|PATH|DIR|NAME|TYPE|MODE|SOCK|VERSION|TTL))$", re.IGNORECASE)
_PASSWORD_NAME = re.compile(r"PASS|PWD", re.IGNORECASE)
_ADDRESS_NAME = re.compile(r"UR[LI]|PROXY|HOST|DSN|ENDPOINT|ADDRESS", re.IGNORECASE)
#: ``http://joe:pass/word@host``, with or without the scheme; the port of a host without a user is no password.
_USERINFO = re.compile(r"(?:[a-z][\w+.-]*:)?(?://)?([^\s/@:\[]*):((?!\d*[/?#]).+)@([^\s@]*)", re.IGNORECASE | re.DOTALL)
_CREDENTIALS_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
#: Characters around a value that are not part of it.
_QUOTING = " \t\r\n\"'"
#: A line of a private key, which is often printed line by line, is longer.
_MIN_LINE = 30
#: Fields of the JSON of an account, and of answers that hand out tokens.
_FIELDS = r"private_key(?:_id)?|client_secret|(?:refresh|access|id)_token|api_?key|password"

#: A secret may begin here: not within a word, but after an escaped line end, as in a repr, or after a colour.
_START = r"(?:(?<![0-9A-Za-z_])|(?<=\\[nrt])|(?<=[0-9\[]m))"
#: A colour of a terminal, also as a repr or junit.xml shows it: pytest colours the parts of what it compares.
_COLOUR = re.compile(r"(?:\x1b|\\x1b|\\u001b|#x1B)\[[0-9;]*m")
_KINDS = {
    "Google API key": _START + r"AIza[0-9A-Za-z_-]{30,}",
    "AI Studio key": _START + r"AQ\.[0-9A-Za-z_-]{20,}",
    "OAuth access token": _START + r"ya29\.[0-9A-Za-z_.-]{8,}",
    "gateway key": _START + r"sk-(?=[0-9A-Za-z_-]*[0-9])[0-9A-Za-z_-]{12,}",
    "token": _START + r"(?:gh[pousr]_[0-9A-Za-z]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|hf_[0-9A-Za-z]{30,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}\b|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})",
    "bearer token": _START + r"[Bb]earer [0-9A-Za-z_.~+/-]{8,}=*",
    "credentials of a header": r"(?i:(?:(?<=authorization: )|(?<=authorization['\"]: ['\"]))basic [0-9a-z+/]{6,}=*)",
    "password in a URL": r"(?<=\w\w:/)/?(?:[^\s/?#'\"<>\\@:]*:[^\s/?#'\"<>\\]+|[^\s/?#'\"<>\\@:]{8,}"
    r"|[^\s/?#'\"<>\\@:\[]*:(?!\d*[/?#])[^\s'\"<>\\]+)(?=@)",
    "key in a URL": r"[?&](?:api_?key|key|(?:access_|auth_)?token|secret|password|sig)=[0-9A-Za-z_.%~+/-]{4,}",
    "webhook": r"(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks"
    r"|\.webhook\.office\.com/webhookb2)/[\w/@.-]{8,}",
    "key header": r"(?i:\bx-goog-api-key\b)",
    # Whole, or as much of it as there is: pytest shortens long texts in the middle.
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?:\s|\\n)*[0-9A-Za-z+/=]{16,})*"
    r"(?:(?:\s|\\n)*-----END [A-Z ]*PRIVATE KEY-----)?"
    r"|(?<![0-9A-Za-z+/=])[0-9A-Za-z+/=]{8,}(?:\s|\\+n)?-----END [A-Z ]*PRIVATE KEY-----",
    "secret field": rf"(?<=[\"'])(?:{_FIELDS})[\"']\s*[:=]\s*"
    r"(?:\"(?:[^\"\\]|\\.){4,}\"|'(?:[^'\\]|\\.){4,}')",
    "service account": r"\"type\"\s*:\s*\"service_account\"|(?:[\w.+-]{1,64}@)?[\w-]{1,63}\.iam\.gserviceaccount\.com",
}
#: Every kind contains one of these, in lower case. Searching for them first takes a hundredth of the time.
_HINTS = (
    *(
        "aiza",
        "aq.",
        "ya29.",
        "sk-",
        "bearer ",
        "basic ",
        ":/",
        "key=",
        "token=",
        "secret=",
        "sig=",
        "x-goog-api-key",
        "private key-----",
    ),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "hf_", "xox", "akia", "eyj"),
    *("private_key", "client_secret", "_token", "api_key", "apikey", "password"),
    *("service_account", "gserviceaccount.com", "hooks.slack.com", "/api/webhooks/", ".webhook.office.com"),
)
_PATTERN = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, pattern in enumerate(_KINDS.values())))
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_HIDDEN = "[secret]"
_GROUPS = {f"k{number}": name for number, name in enumerate(_KINDS)}


def find_secrets(text: str, *, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The kinds of secret in the text, by name, never by value."""
    text = _without_colours(text)
    matches = _PATTERN.finditer(text) if _may_hold(text) else ()
    kinds = [_GROUPS[match.lastgroup or "k0"] for match in matches]
    kinds += [f"value of {name}" for name, value in _values(environ) if value in text]
    return list(dict.fromkeys(kinds))


def find_addresses(text: str) -> list[str]:
    """The e-mail addresses in the text."""
    return list(dict.fromkeys(match[0] for match in _ADDRESS.finditer(text)))


def hide_secrets(text: str, *, environ: Mapping[str, str] = os.environ) -> str:
    """The text with every secret replaced by ``[secret]``; the same object if there is none.

    Without its colours if a secret was found only without them.
    """
    if len(text) < MIN_KEY_CHARS:  # most of what a terminal is sent: one sign per test
        return text
    text = _hide(text, environ)
    plain = _without_colours(text)
    hidden = plain if plain is text else _hide(plain, environ)
    return text if hidden == plain else hidden


def _without_colours(text: str) -> str:
    return _COLOUR.sub("", text) if "\x1b[" in text or "1b[" in text or "1B[" in text else text


def _hide(text: str, environ: Mapping[str, str]) -> str:
    for _, value in _values(environ):
        if value in text:
            text = text.replace(value, _HIDDEN)
    return _PATTERN.sub(_hidden, text) if _may_hold(text) else text


def _may_hold(text: str) -> bool:
    return any(map(text.lower().__contains__, _HINTS))


def _hidden(match: re.Match[str]) -> str:
    kind = _GROUPS[match.lastgroup or "k0"]
    if kind == "key header":
        return match[0]  # the name is not secret; the value beside it is, and was replaced if it is known here
    if kind == "password in a URL" and match[0].startswith("/"):
        return f"/{_HIDDEN}"
    if kind == "secret field":
        name, quoted = re.split(r"\s*[:=]\s*", match[0], maxsplit=1)
        return f"{name}: {quoted[0]}{_HIDDEN}{quoted[0]}"
    return _HIDDEN


#: Set again for every phase of every test.
_OF_PYTEST = os.environ.encodekey("PYTEST_CURRENT_TEST")
_CACHE: tuple[object, list[tuple[str, str]]] = (None, [])
#: Form of a secret -> its source, for all secrets seen so far while output is redacted: code may remove a key from
#: the environment and show it later.
_KEPT: dict[str, str] | None = None


def _values(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names and secrets of the environment, the longest first. Called thousands of times; changes rarely."""
    global _CACHE
    raw = getattr(environ, "_data", None)
    if raw is None:
        return _longest_first(_read(environ))
    now = dict(raw)
    now.pop(_OF_PYTEST, None)
    if _CACHE[0] != now:
        found = _read(environ)
        if _KEPT is not None:
            _KEPT.update(found)
        _CACHE = (now, _longest_first(_KEPT or found))
    return _CACHE[1]


def _longest_first(found: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(((name, value) for value, name in found.items()), key=lambda pair: -len(pair[1]))


def _read(environ: Mapping[str, str]) -> dict[str, str]:
    """Every form of every secret -> its variable."""
    found: dict[str, str] = {}
    for name, value in environ.items():
        # What is read from a file often ends in a line end, and the SDK strips it.
        for secret in _secrets_of(name, value.strip(_QUOTING)):
            for form in _forms(secret.strip(_QUOTING)):
                if len(form) >= MIN_KEY_CHARS:
                    found.setdefault(form, name)
    return found


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as reprs, bytes, JSON, URLs and pages show it."""
    as_json = json.dumps(secret)
    yield from (secret, escape(secret), escape(secret, quote=False))
    yield from (quoted(secret, safe="", errors="surrogateescape") for quoted in (quote, quote_plus))
    yield from (text[1:-1] for text in (repr(secret), ascii(secret), as_json, json.dumps(secret, ensure_ascii=False)))
    yield repr(secret.encode("utf-8", "surrogateescape"))[2:-1]
    yield from (line for line in secret.splitlines() if len(line) > _MIN_LINE and "-----" not in line)


def _secrets_of(name: str, value: str) -> Iterator[str]:
    is_named = _SECRET_NAME.search(name) and not _ABOUT_SECRETS.search(name)
    if name in KEY_VARIABLES or (is_named and _may_be_secret(name, value)):
        yield value
    if "@" in value and ("://" in value or _ADDRESS_NAME.search(name)):
        yield from _password(value)
    if value.lstrip().startswith("{"):
        yield from _fields(value)
    if name == _CREDENTIALS_FILE:
        with suppress(OSError, ValueError):
            yield from _fields(Path(value).read_text("utf-8"))


def _may_be_secret(name: str, value: str) -> bool:
    """False for paths, sentences and plain words, which ordinary text contains. A password may be any of these."""
    if _PASSWORD_NAME.search(name):
        return True
    if value.startswith(("/", "~", ".")) or " " in value:
        return False
    return any(sign.isdigit() for sign in value) or (value.lower() != value and value.upper() != value)


def _password(url: str) -> Iterator[str]:
    found = _USERINFO.match(url)
    if found:
        user, password, host = found.groups()
        yield from (password, unquote(password), f"{user}:{password}", f"{user}:{password}@{host}")
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.password:
            yield from (parts.password, unquote(parts.password), f"{parts.username or ''}:{parts.password}")


def _fields(text: str) -> Iterator[str]:
    """The secrets in the JSON of an account."""
    try:
        fields = json.loads(text)
    except ValueError:
        return
    for name, value in fields.items() if isinstance(fields, dict) else ():
        if isinstance(value, str) and re.fullmatch(_FIELDS, name):
            yield value


def redact_output(words: Iterable[str] = ()) -> Callable[[], None]:
    """Start hiding; call the result to stop. ``words``: those of the command line, some of which may be addresses."""
    undo = ExitStack()
    undo.callback(_keep(word.rpartition("=")[2] for word in words if "@" in word))
    streams = {id(stream): stream for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if stream}
    for stream in streams.values():
        undo.callback(_redact_stream(stream))
    undo.callback(_redact_logging())
    return undo.close


def _keep(words: Iterable[str]) -> Callable[[], None]:
    """Know the secrets of the environment as it is now, and of these words, to the end."""
    global _CACHE, _KEPT
    before = _KEPT
    given = {f"URL {number}": word for number, word in enumerate(words)}
    _CACHE, _KEPT = (None, []), {**(before or {}), **dict.fromkeys(_read(given), "the command line")}
    _values(os.environ)

    def end() -> None:
        global _CACHE, _KEPT
        _CACHE, _KEPT = (None, []), before

    return end


def _redact_stream(stream: TextIO) -> Callable[[], None]:
    """What is written as text, and the bytes below it: what code writes there itself, or in pieces."""
    original, undo = stream.write, ExitStack()

    def write(text: str) -> int:
        return original(hide_secrets(text) if isinstance(text, str) else text)

    with suppress(AttributeError):  # a stream of somebody's own, with slots, or without bytes
        undo.callback(_put(stream, "write", write))
        undo.callback(_redact_bytes(stream.buffer))
    return undo.close


def _redact_bytes(buffer: Any) -> Callable[[], None]:
    """The beginning of a secret waits for the next write; for no longer than the next flush if it is short."""
    original, flush_original, held = buffer.write, buffer.flush, ""

    def write(data: Any) -> int:
        nonlocal held
        text = hide_secrets(held + bytes(data).decode("utf-8", "surrogateescape"))
        n_shown = len(text) - _n_begun(text)
        held = text[n_shown:]
        if n_shown:
            original(text[:n_shown].encode("utf-8", "surrogateescape"))
        return len(data)

    def flush() -> None:
        nonlocal held
        if 0 < len(held) < MIN_KEY_CHARS:
            original(held.encode("utf-8", "surrogateescape"))
            held = ""
        flush_original()

    undo = ExitStack()
    undo.callback(_put(buffer, "write", write))
    undo.callback(_put(buffer, "flush", flush))
    return undo.close


def _n_begun(text: str) -> int:
    """Length of the longest end of the text that is the beginning of a secret of the environment."""
    longest, last = 0, text[-1:]
    for _, value in _values(os.environ):
        if last and last in value:
            end = text[1 - len(value) :]
            starts = (at for at, sign in enumerate(end) if sign == value[0] and value.startswith(end[at:]))
            longest = max(longest, len(end) - next(starts, len(end)))
    return longest


def _put(stream: Any, name: str, function: Callable[..., Any]) -> Callable[[], None]:
    """Set a method of one object, until what is returned is called."""
    setattr(stream, name, function)

    def end() -> None:
        if stream.__dict__.get(name) is function:
            delattr(stream, name)

    return end


def _redact_logging() -> Callable[[], None]:
    original = logging.Handler.format

    def format(self: logging.Handler, record: logging.LogRecord) -> Any:
        text = original(self, record)
        return hide_secrets(text) if isinstance(text, str) else text

    logging.Handler.format = format  # type: ignore[method-assign]

    def end() -> None:
        if logging.Handler.format is format:
            logging.Handler.format = original  # type: ignore[method-assign]

    return end
