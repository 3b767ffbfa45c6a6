"""Takes secrets out of pytest's reports, before they are shown, sent to a controller or written to a file."""

from __future__ import annotations

import pytest

from .._util.secrets import hide_secrets


def redact_report(report: pytest.TestReport) -> None:
    """Replace every secret in a report's traceback, its captured output and its reasons; nothing else changes."""
    if report.longrepr is not None:
        if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
            file, line, reason = report.longrepr
            report.longrepr = (file, line, hide_secrets(reason))
        else:
            shown = str(report.longrepr)
            hidden = hide_secrets(shown)
            if hidden != shown:
                report.longrepr = hidden  # as plain text: the pieces of a traceback may hold the secret anywhere
    report.sections = [(name, hide_secrets(text)) for name, text in report.sections]
    if hasattr(report, "wasxfail"):
        report.wasxfail = hide_secrets(str(report.wasxfail))
