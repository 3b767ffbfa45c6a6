"""The only door to Jinja2: the name of a template and plain values in, escaped HTML out.

A name that a template misspells is an error, not an empty place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ..._util.wording import count_of

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
#: The browser itself sees to it that the page asks nobody for anything.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def render(template: str, values: dict[str, Any]) -> str:
    """Render a template with its values."""
    return _environment().get_template(template).render(values)


def cases_link(filters: Mapping[str, str]) -> str:
    """The address of the table of cases with these filters, as script.js reads it."""
    return f"#cases?{urlencode(filters, quote_via=quote)}"


@cache
def _environment() -> Environment:
    # Here, so that a run that writes no report does not pay for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in ("style.css", "script.js"):
        # Our own files, not what a run said: they are no text of the page.
        made.globals[name.partition(".")[0]] = Markup((_TEMPLATES / name).read_text("utf-8"))
    made.globals |= {"policy": Markup(_POLICY), "cases_link": cases_link, "count_of": count_of}
    return made
