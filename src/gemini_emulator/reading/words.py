"""The words and signs that separate the parts of a prompt. Every pattern takes linear time."""

from __future__ import annotations

import re

#: A line is read up to here; no label or description comes later.
LONGEST_LINE = 4_000
LONGEST_LABEL = 60
_MOST_WORDS = 8

_TEXT = """
text post message email e-mail mail input question query review ticket document article comment tweet sentence content
utterance request headline user q
"""
_LABEL = """
label category class output answer a topic newsgroup group intent sentiment classification result response prediction
assistant model section department tag
"""
_TEXT_NOUNS, _LABEL_NOUNS = frozenset(_TEXT.split()), frozenset(_LABEL.split())
#: Names of XML elements and JSON keys that hold a text, or a label.
TEXT_NAMES, LABEL_NAMES = _TEXT_NOUNS - {"q"}, _LABEL_NOUNS - {"a"}

_MARK = re.compile(
    r"\W{0,6}((?:[A-Za-z-]{1,20} ){0,3}?([A-Za-z-]{1,20}))(?: ?#?\d{1,4})?[*_`]{0,3} ?:[*_`]{0,3}(.*)", re.DOTALL
)

#: Words with which a prompt says that it wants a label.
CUE = re.compile(
    r"\b(?:news ?groups?|categor\w{1,12}|class(?:es|ify|ifies|ified|ification|ifier)?|labels?|labell?ed|topics?|"
    r"intents?|sentiments?|sections?|departments?|tags?|groups?|sorts?|options?|which of|one of|belongs?)\b",
    re.IGNORECASE,
)
#: How a line begins that says what to do, rather than what there is.
_ORDERS = re.compile(
    r"(?:please|reply|respond|answer|return|output|choose|pick|select|use only|do not|don't|only|just|give|write|"
    r"say|name|assign|classify|if you|when|never|always|make sure|you|your|the answer|it is|this is|now|think)\b",
    re.IGNORECASE,
)
BULLET = re.compile(r"\A\s{0,40}(?:[-*•‣·–+]|\(?\d{1,4}[.):]|\(?[a-zA-Z][.)])\s{1,8}")
_QUOTES = "\"'`“”‘’«»"
_BRACKETS = re.compile(r"[()\[\]{}]")
_ENDS_SENTENCE = re.compile(r"[.!?]$")
_NO_LABELS = frozenset("e.g i.e etc subject from date example examples note rules task".split())  # noqa: SIM905


def text_mark(line: str) -> str | None:
    """What follows the mark of a line such as ``Text: ...`` or ``Message 3:``; None if it has none."""
    return _after_mark(line, _TEXT_NOUNS)


def label_mark(line: str) -> str | None:
    """What follows the mark of a line such as ``Label: ...`` or ``Answer:``; None if it has none."""
    return _after_mark(line, _LABEL_NOUNS)


def _after_mark(line: str, nouns: frozenset[str]) -> str | None:
    match = _MARK.match(line[:LONGEST_LINE])
    if match is None or match[2].lower() not in nouns:
        return None
    return match[3].strip() + line[LONGEST_LINE:]


def strip_label(text: str) -> str:
    """A label without the signs around it: quotes, brackets, Markdown's stars, a final comma or stop."""
    text = text.strip().strip("*_").strip().rstrip(",;").strip()
    while len(text) > 1 and (text[0] in _QUOTES or text[:1] + text[-1:] in ("[]", "{}", "<>", "()")):
        inner = text[1:].rstrip(_QUOTES + "]}>)") if text[0] in _QUOTES else text[1:-1]
        if inner == text:
            break
        text = inner.strip()
    return text.rstrip(_QUOTES).removesuffix(".").strip()


def is_label(text: str, *, most_words: int = _MOST_WORDS) -> bool:
    """True for what could be a label: short, no sentence, no order, something to read in it."""
    return (
        0 < len(text) <= LONGEST_LABEL
        and len(text.split()) <= most_words
        and any(map(str.isalnum, text))
        and _ENDS_SENTENCE.search(text) is None
        and text.lower() not in _NO_LABELS
        and not (len(text.split()) > 2 and is_order(text))
    )


def is_order(line: str) -> bool:
    """True for a line that begins by saying what to do: ``Reply with the label only``."""
    return _ORDERS.match(line.strip()) is not None


def sentences(text: str) -> list[str]:
    """Pieces that end with a stop, a question or an exclamation mark before a space; ``sci.space`` is no end."""
    return [piece for piece in re.split(r"(?<=[.!?])\s", text) if piece.strip()]


def split_outside_brackets(text: str, separators: re.Pattern[str]) -> list[str]:
    """``text`` cut at what matches, but not inside brackets."""
    brackets = [(match.start(), 1 if match[0] in "([{" else -1) for match in _BRACKETS.finditer(text)]
    pieces, depth, start, read = [], 0, 0, 0
    for match in separators.finditer(text):
        while read < len(brackets) and brackets[read][0] < match.start():
            depth = max(0, depth + brackets[read][1])
            read += 1
        if depth == 0:
            pieces.append(text[start : match.start()])
            start = match.end()
    return [*pieces, text[start:]]
