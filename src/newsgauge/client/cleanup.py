"""A declared leniency: an answer that is no label as it came, and the steps a variant allows; the label it holds out.

Strictness stays the default. A step counts only if the answer becomes a label of the plan by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL)
_PREFIX = re.compile(r"[^\W\d][\w -]{0,30}:\s*(.+)", re.DOTALL)
_MARKUP = re.compile(r"(\*{1,3}|_{1,3}|~~|`)(.+)\1", re.DOTALL)
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", "\u201e\u201c")


def strip_fence(text: str) -> str:
    """The inside of a Markdown fence, ``` ```json ... ``` ```; other texts as they are."""
    match = _FENCE.fullmatch(text.strip())
    return match[1].strip() if match else text


def _prefix(text: str) -> str:
    match = _PREFIX.fullmatch(text)
    return match[1].strip() if match else text


def _markup(text: str) -> str:
    match = _MARKUP.fullmatch(text)
    # Of a longer run of marks, such as a fence, nothing is taken off.
    return match[2].strip() if match and match[2][0] != match[1][0] else text


def _quotes(text: str) -> str:
    quoted = len(text) > 2 and any(text[0] == pair[0] and text[-1] == pair[1] for pair in _QUOTES)
    return text[1:-1].strip() if quoted else text


def _final_stop(text: str) -> str:
    return text.removesuffix(".").rstrip()


#: From the outermost to the innermost, whatever the order in variants.toml.
_STEPS: Mapping[str, Callable[[str], str]] = {
    "fence": strip_fence,
    "prefix": _prefix,
    "markup": _markup,
    "quotes": _quotes,
    "final-stop": _final_stop,
}


def clean(text: str, labels: Iterable[str], steps: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The label that the allowed steps find in an answer, and which of them it took; None where they find none."""
    known, allowed, done = set(labels), [name for name in _STEPS if name in set(steps)], []
    while text not in known:
        step = next((name for name in allowed if _STEPS[name](text) not in (text, "")), None)
        if step is None:
            return None
        text = _STEPS[step](text)
        done.append(step)
    return text, tuple(dict.fromkeys(done))
