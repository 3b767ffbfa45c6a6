"""Does preprocessing keep its promises on any mail, not only on the mail we have?

Why it matters: everything measured downstream is measured on this text. A prompt that changes from run to
run, a body that is cut or garbled, a label that slips in from a header would all show up as a model's doing.

Each property runs on `clean`, and on `codelab` where that keeps it. Where it does not, a strict expected
failure says so: the codelab's numbers were measured with these faults in.
"""

from __future__ import annotations

import codecs
import email.charset
import email.header
import email.message
import email.mime.base
import email.mime.multipart
import email.mime.text
import email.policy
import os
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from newsgauge import preprocessing

MAX_CHARS, clean, codelab, redact = (
    preprocessing.MAX_CHARS,
    preprocessing.clean,
    preprocessing.codelab,
    preprocessing.redact,
)

# ``HYPOTHESIS_PROFILE=thorough pytest evals`` looks hard for counter-examples; without it ``ci`` where CI is set, else
# ``dev``. Set here and not for the folder: of the evals only this one needs hypothesis, which takes a while to import.
# No deadline and no check for slow examples: these say more about the machine than about the code. No database: a run
# writes nothing but its results, also where the checkout cannot be written.
_EVERYWHERE: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=5, derandomize=True, **_EVERYWHERE)
settings.register_profile("ci", max_examples=100, derandomize=True, **_EVERYWHERE)
settings.register_profile("thorough", max_examples=10_000, **_EVERYWHERE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

Prepare = Callable[[str], str]


def on_both(why_codelab_fails: str = "") -> pytest.MarkDecorator:
    """Run a property on both preprocessings; with a reason, `codelab` must fail it."""
    marks = [pytest.mark.xfail(strict=True, reason=why_codelab_fails)] if why_codelab_fails else []
    both = [clean, pytest.param(codelab, marks=marks)]
    return pytest.mark.parametrize("prepare", both, ids=lambda function: function.__name__)


# --- what mail may look like
# -----------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)  # lone surrogates and NULs included
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=60)
LATIN1 = st.text(st.characters(max_codepoint=0xFF), max_size=200)
#: Text as a sender writes it: no control characters, no blanks at the ends.
WRITTEN = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cn"), exclude_characters="\ufeff"), max_size=80
)

_PIECES = r"""Subject: s|Subject:|From: joe@x.example (Joe)|Subject: =?utf-8?q?a?=| folded|	folded
Content-Type: multipart/mixed; boundary=b|Content-Type: multipart/alternative; boundary="b"|--b|--b--
Content-Type: text/plain; charset=utf-8|Content-Type: text/html; charset=nonsense|Content-Type: ;;;=
Content-Type: message/rfc822|Content-Type: text/plain; charset*0*=''%|Content-Disposition: attachment
Content-Transfer-Encoding: base64|Content-Transfer-Encoding: quoted-printable|=C3=A9|YWJj|YWJ|<p>html|<!--
&#99999999999;|<a@b.org>|"|\|@|["""
_PIECE = st.sampled_from(
    [*re.split(r"[|\n]", _PIECES), "\n", "\r", "\r\n", "\n\n", "=\n", "\0", "\ud800", "\xe9", "\u0301"]
)
MALFORMED = st.lists(_PIECE | LINE, max_size=25).map("\n".join) | st.lists(_PIECE, max_size=25).map("".join)
ANY_MAIL = ANY_TEXT | LATIN1 | MALFORMED


def encoded_header(policy: str, name: str, value: str) -> str:
    """A header as `email` writes it under the old or the modern policy, encoded and folded."""
    if policy == "compat32":
        header = email.header.Header(value, charset="utf-8", header_name=name, continuation_ws=" ")
        if value.isascii():
            header = email.header.Header(value, header_name=name)
        return f"{name}: {header.encode()}\n"
    message = email.message.EmailMessage(policy=email.policy.default)
    message[name] = value
    return message.as_string().removesuffix("\n")


# --- total, deterministic, well formed
# ---------------------------------------------------------------------------


@on_both("a lone surrogate raises UnicodeEncodeError, or leaves a text that cannot be sent")
@given(raw=ANY_MAIL)
@example(raw="")
@example(raw="Subject: s")
@example(raw="Subject: s\n\n\ud800")
@example(raw="Content-Type: multipart/mixed; boundary=b\n\n--b\n--b--")
@example(raw="Content-Type: multipart/mixed\n\nno boundary")
@example(raw="Content-Type: text/plain; charset=idna\n\n\xe9")
@example(raw="Content-Type: text/plain; charset=\0\n\n\xe9")
@example(raw="Content-Type: text/plain; charset=utf-7\n\n+2AA-")  # a charset that can write a lone surrogate
@example(raw="Content-Type: text/html\n\n&#" + "9" * 5000 + ";")  # more digits than int() takes
@example(raw="Content-Transfer-Encoding: base64\nFrom: x\n\nA")
def test_any_text_gives_a_text_that_can_be_sent(prepare: Prepare, raw: str) -> None:
    prepare(raw).encode()


@on_both("a multipart becomes the repr of objects, with their addresses in memory")
@given(raw=ANY_MAIL)
@example(raw="Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n")
def test_the_same_post_gives_the_same_text_and_never_an_object(prepare: Prepare, raw: str) -> None:
    assume(not re.search("[\ud800-\udfff]", raw))  # has its own property
    text = prepare(raw)
    assert text == prepare(raw)
    assert "<email.message.Message object at" not in text


@on_both("without a Subject the text begins with None")
@given(raw=ANY_MAIL.filter(lambda raw: "None" not in raw and not re.search("[\ud800-\udfff]", raw)))
@example(raw="")
@example(raw="From: x\n\nbody")
@example(raw="\n\nbody")
def test_nothing_is_called_none(prepare: Prepare, raw: str) -> None:
    # Base64 could spell it; nothing else may.
    assume("base64" not in raw and "=?" not in raw)
    assert "None" not in prepare(raw)


@on_both()
@given(body=st.text(st.sampled_from("ab \n"), max_size=40), times=st.integers(1, 4_000))
@example(body="\n", times=1)
def test_a_text_has_at_most_40_000_characters(prepare: Prepare, body: str, times: int) -> None:
    assert len(prepare("Subject: s\n\n" + body * times)) <= MAX_CHARS == 40_000


@on_both("the cut may fall between a letter and its accent")
@given(
    # an accent; a joined emoji; a tinted one; a flag; a Hangul syllable in three parts
    cluster=st.sampled_from(["é", "👩\u200d🚀", "👍🏽", "🇩🇪", "한"]),
    offset=st.integers(0, 5),
)
@example(cluster="e\u0301", offset=0)
def test_the_cut_never_falls_inside_what_a_reader_sees_as_one_character(
    prepare: Prepare, cluster: str, offset: int
) -> None:
    head = "s\n\n" + "." * offset
    body = cluster * (MAX_CHARS // len(cluster) + 10)
    text = prepare(f"Subject: s\n\n{'.' * offset}{body}").removeprefix(head)
    assert text == cluster * len(text.split(cluster)[1:])
    assert len(head) + len(text) > MAX_CHARS - len(cluster)


# --- headers
# -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["compat32", "default"])
@on_both("encoded words and folds are left as they stand")
@given(subject=WRITTEN)
@example(subject="\u00e9")
@example(subject="a" * 70 + " " + "b" * 20)
@example(subject="a  b " * 20)
@example(subject="\U0001f600" * 40)
@example(subject="words " * 15 + "\u00e9t\u00e9 " * 15)
def test_a_subject_comes_back_from_both_policies(prepare: Prepare, policy: str, subject: str) -> None:
    # What looks like an encoded word is one to every reader; blanks at the ends belong to no subject.
    assume("=?" not in subject and "@" not in subject)
    subject = " ".join(subject.split())
    raw = encoded_header(policy, "Subject", subject) + "\nbody"
    assert prepare(raw) == f"{subject}\n\nbody"


@on_both("a folded subject stays folded")
@given(words=st.lists(st.text("abc", min_size=1), min_size=1), fold=st.sampled_from(["\n ", "\n\t"]))
@example(words=["a", "b"], fold="\n ")
def test_a_folded_subject_is_one_line(prepare: Prepare, words: list[str], fold: str) -> None:
    assert prepare(f"Subject: {fold.join(words)}\n\nbody") == f"{' '.join(words)}\n\nbody"


_HEADERS = """From: joe@x.example|Subject: s|Newsgroups: sci.space|Lines: 3|Organization: None
 of yours|Content-Type: text/plain; charset=utf-8|Content-Transfer-Encoding: quoted-printable|X-Mood: good"""
HEADERS = _HEADERS.split("|")


@on_both()
@given(headers=st.permutations(HEADERS), body=LATIN1)
def test_the_order_of_headers_does_not_matter(prepare: Prepare, headers: list[str], body: str) -> None:
    expected = prepare("\n".join(HEADERS) + "\n\n" + body)
    assert prepare("\n".join(headers) + "\n\n" + body) == expected


_NAMES = """From Newsgroups Organization Path Xref Followup-To Keywords Summary Message-ID Archive-name
Reply-To X-Group Distribution References"""
NAMES = _NAMES.split()


@on_both("blank lines in front of the headers make the headers part of the body")
@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    before=st.sampled_from(["", "\n", " \n\n", "\ufeff", "\xef\xbb\xbf"]),
    shape=st.sampled_from(["{}", "a {} b", "<{}@x.example>", "\n {}", "a,\n\t{}\n ", "\xe9 {}"]),
)
@example(names=["Newsgroups"], before="\n", shape="{}")
def test_a_label_never_gets_in_from_a_header(prepare: Prepare, names: list[str], before: str, shape: str) -> None:
    headers = "".join(f"{name}: {shape.format('sci.space')}\n" for name in names)
    assert "sci.space" not in prepare(f"{before}{headers}Subject: s\n\nbody")


# --- bodies
# ------------------------------------------------------------------------------------------------------


@on_both()
@given(body=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="@\r"), max_size=300))
@example(body="\n\n indented\n\n")
@example(body="Newsgroups: of the world\n\nsaid he")
@example(body="\xc3\xa9 =C3=A9 =?utf-8?q?a?= <b>&amp;</b> <>")
def test_a_body_with_nothing_to_remove_is_unchanged(prepare: Prepare, body: str) -> None:
    assert prepare(f"Subject: s\n\n{body}") == f"s\n\n{body}"


@on_both("CR and LF are kept as they come")
@given(raw=ANY_MAIL)
@example(raw="Subject: s\n\na\nb")
def test_the_kind_of_line_end_does_not_matter(prepare: Prepare, raw: str) -> None:
    assume("\r" not in raw and not re.search("[\ud800-\udfff]", raw))
    assume("utf-7" not in raw)
    assert prepare(raw.replace("\n", "\r\n")) == prepare(raw) == prepare(raw.replace("\n", "\r"))


CHARSETS = [
    "utf-8",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1252",
    "koi8-r",
    "iso-2022-jp",
    "gb2312",
    "big5",
    "euc-jp",
]


@on_both("quoted-printable and base64 are left encoded")
@given(
    body=WRITTEN.filter(lambda body: "@" not in body),
    charset=st.sampled_from(CHARSETS),
    encoding=st.sampled_from(["8bit", "quoted-printable", "base64"]),
)
@example(body="caf\u00e9 = good", charset="utf-8", encoding="quoted-printable")
def test_a_body_comes_back_from_any_charset_and_encoding(
    prepare: Prepare, body: str, charset: str, encoding: str
) -> None:
    data = body.encode(charset, "ignore")
    body = data.decode(charset)
    part = {
        "8bit": data,
        "quoted-printable": codecs.encode(data, "quopri"),
        "base64": codecs.encode(data, "base64"),
    }
    raw = (
        f"Subject: s\nMIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\n"
        f"Content-Transfer-Encoding: {encoding}\n\n{part[encoding].decode('latin-1')}"
    )
    assert prepare(raw) == f"s\n\n{body}"


def mixed(plain: str, page: str, *, depth: int) -> email.message.EmailMessage:
    """A mail as a modern program sends it: text and HTML, a picture, wrapped ``depth`` times."""
    message = email.message.EmailMessage(policy=email.policy.default)
    message["Subject"] = "s"
    message.set_content(plain)
    message.add_alternative(page, subtype="html")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="cat.png")
    for _ in range(depth):
        headers = dict(message.items())
        del message["Subject"]
        outer = email.message.EmailMessage(policy=email.policy.default)
        outer["Subject"] = headers["Subject"]
        outer["Content-Type"] = "multipart/mixed"
        outer.attach(message)
        message = outer
    return message


@on_both("a multipart becomes the repr of objects")
@given(plain=WRITTEN, depth=st.integers(0, 5))
@example(plain="hello", depth=0)
def test_of_a_multipart_the_plain_text_is_taken_and_the_picture_named(prepare: Prepare, plain: str, depth: int) -> None:
    plain = "p" + " ".join(plain.replace("@", "").split())
    raw = mixed(plain + "\n", "<p>page</p>", depth=depth).as_bytes().decode("latin-1")
    assert prepare(raw) == f"s\n\n{plain}\n\n[attachment: cat.png (image/png)]\n"


# --- addresses
# ---------------------------------------------------------------------------------------------------

# RFC 5322, 3.2.3, 3.2.4 and 3.4.1, written out anew; a domain is a host name (RFC 1123) or a literal.
ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
DOT_ATOM = rf"{ATEXT}+(?:\.{ATEXT}+)*"
QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
HOST = rf"(?:{LABEL}\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
LITERAL = r"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]"
ADDRESS = re.compile(rf"(?:{DOT_ATOM}|{QUOTED})@(?:{HOST}|{LITERAL})", re.ASCII)
ADDRESSES = st.from_regex(ADDRESS, fullmatch=True)

_SCRAP = st.sampled_from([*"@\"\\.<>[]()-_!'a1 \n", "@x.example", "joe@", "1.2", '"@', "@[1.2.3.4]", "mailto:"])
NEAR_ASCII_ADDRESSES = st.lists(_SCRAP | ADDRESSES, max_size=15).map("".join)
NEAR_ADDRESSES = st.lists(_SCRAP | st.sampled_from("\u00e9\u0301") | ADDRESSES, max_size=15).map("".join)


@on_both("it takes only word characters, dots and hyphens for a local part: the rest is left")
@given(address=ADDRESSES, before=st.sampled_from(["", "mail ", "(", "\n", "> ", "to: ", "\u00bb"]),
       after=st.sampled_from(["", " now", ")", "\n", ", or", ";", ". Bye"]))  # fmt: skip
@example(address="foo+bar@x.example", before="", after="")
@example(address="o'brien@x.example", before="", after="")
@example(address='"joe smith"@x.example', before="", after="")
@example(address="joe@[127.0.0.1]", before="", after="")
@example(address='"\\0@A"@A', before="", after="")
@example(address="joe@x.example", before="\u00bb", after=". Bye")
@example(address="joe@x.example", before="see ", after=". Bye")
@example(address="!#$%&'*+/=?^_`{|}~-@x.example", before="", after="")
def test_an_address_goes_whole_and_nothing_else_does(prepare: Prepare, address: str, before: str, after: str) -> None:
    assert prepare(f"Subject: s\n\n{before}{address}{after}") == f"s\n\n{before}{after}"


@on_both("quoted local parts, domain literals and specials before the @ are left")
@given(text=NEAR_ADDRESSES | ANY_TEXT.filter(lambda text: not re.search("[\ud800-\udfff]", text)))
@example(text='"a b"@x.example')
@example(text='"q "a"@x.example"@y.example')
@example(text='"joe@home"@x.example')
@example(text='"a" "b"@x.example"@y.example')
@example(text='"a\\"@x.example b"@y.example')
@example(text='z@4"q"@[1.2.3.4].org')
@example(text="z@[<a@b.org>1.2.3.4]")
@example(text="z@1.2.3.4.5")
@example(text='mailto:\\""@A""@A')
@example(text="foo..bar@x.example'b@y.example")
def test_no_address_is_left(prepare: Prepare, text: str) -> None:
    left = ADDRESS.search(prepare(f"Subject: s\n\n{text}"))
    assert left is None


@given(text=NEAR_ADDRESSES | ANY_TEXT)
@example(text='"a"b@x.example@y.example')
@example(text="a@b.org<c@d.org>@e.org")
@example(text="<<joe@x.example>>")
@example(text='\\"a"@x.y\\"b"@x.y')
@example(text='-\\""@A*@A""@A')
@example(text='mailto:\\""@A""@A')
def test_redaction_is_done_once_and_for_all(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@on_both()
@given(text=NEAR_ASCII_ADDRESSES)
def test_lines_without_an_at_sign_are_kept_whole(prepare: Prepare, text: str) -> None:
    lines = prepare(f"Subject: s\n\n{text}").split("\n")[2:]
    if prepare is clean:
        assert [(a, b) for a, b in zip(text.split("\n"), lines, strict=True) if "@" not in a and a != b] == []
    else:
        assert len(lines) == text.count("\n") + 1


def test_the_oracle_of_addresses_is_no_looser_than_the_modern_policy() -> None:
    """What the tests call an address, `email` reads as one addr-spec and nothing more."""
    from email.headerregistry import Address

    for address in ("foo+bar@x.example", '"joe smith"@x.example', "o'brien@x.example", "joe@[127.0.0.1]"):
        assert ADDRESS.fullmatch(address)
        assert Address(addr_spec=address).addr_spec == address
    assert unicodedata.category("\u0301") == "Mn"
