"""The hooks that write the report of a finished run, in the one process that decides.

The report never decides whether a run is green: what cannot be written is one line in the summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .._util.files import commit_of, why_unwritable
from ..corpora.corpus import BUNDLED
from ..errors import UsageError
from ..report.findings import trade_off_lines
from ..report.publishing import append_step_summary, clear, github_annotations, publish
from ..results.attachments import Attachments

if TYPE_CHECKING:
    from ..results.run_folder import RunFolder
    from ..running.run_config import RunConfig


class Publisher:
    """Writes the report after the results, and says where it is."""

    def __init__(
        self, setup: RunConfig, folder: Path, *, shown: str, posts_wanted: bool, gates: Path, command: str
    ) -> None:
        self._setup = setup
        self._folder = folder
        self._shown = shown
        self._gates = gates
        self._made_by = {"commit": commit_of(Path.cwd()) or "none", "command": command}
        # Only the bundled posts may be shown; others only if the user asks for it.
        self._posts_shown = posts_wanted or setup.plan.corpus == BUNDLED
        self._run: RunFolder | None = None
        self._failed = ""
        self._n_suspect = 0
        self._not_added = ""

    def start(self) -> None:
        """Remove the report of an older run from the folder. Raises `UsageError`."""
        try:
            clear(self._folder)
        except OSError as error:
            why = why_unwritable(error, "--results")
            raise UsageError(f"--results: cannot remove the old report from {self._folder}: {why}") from None

    # Innermost: after the judge, and before pytest's own wrapper of this hook prints the summary.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Write the report."""
        yield
        try:
            from ..running.results_log import asked_values

            self._leave_suspect_labels()
            self._run = publish(
                self._folder,
                now=datetime.now(UTC),
                n_whole_set=self._setup.n_whole_set,
                posts={post.id: post.text for post in self._setup.part.posts} if self._posts_shown else {},
                asked={**asked_values(self._setup), "made_by": self._made_by},
            )
            self._not_added = append_step_summary(self._run)
        except (UsageError, OSError) as error:
            self._failed = str(error)
        except Exception as error:  # a fault of the report's own must not take a run's verdict with it
            self._failed = f"{type(error).__name__}: {error} (a fault in newsgauge; newsgauge report shows where)"

    def _leave_suspect_labels(self) -> None:
        if self._setup.corpus.is_newsgauges_own or not (self._folder / "scoreboard.json").is_file():
            return  # known, or nothing was asked
        from ..corpora.suspect_labels import find_suspect_texts, texts_of

        suspect = find_suspect_texts(texts_of(self._setup.corpus, self._setup.train_posts.preprocess))
        self._setup.corpus.release()
        kept = set(self._setup.plan.labels)
        suspect = [one for one in suspect if any(label in kept for _, label, _ in one.members)]
        self._n_suspect = len(suspect)
        if suspect:
            Attachments(self._folder, plan=self._setup.plan.digest).leave_suspect_labels(suspect)

    # Outermost: the last lines of the summary.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """Say where the report is; in GitHub Actions, annotate each gate that did not pass."""
        yield
        if self._failed:
            terminalreporter.write_line(f"newsgauge: no report: {self._failed}", yellow=True)
        if self._not_added:
            terminalreporter.write_line(f"newsgauge: {self._not_added}", yellow=True)
        if self._run is None or not self._run.results:
            return
        if self._n_suspect:
            terminalreporter.write_line(
                f"newsgauge: warning: texts of the corpus that appear under two labels: {self._n_suspect}; "
                "'Suspect labels' in the report lists them",
                yellow=True,
            )
        verbosity = terminalreporter.config.get_verbosity()
        for line in trade_off_lines(self._run) if verbosity >= 0 else ():
            terminalreporter.write_line(line)
        if verbosity > -2:
            terminalreporter.write_line(f"newsgauge: report {self._shown}/report.html")
        for line in github_annotations(self._run, self._gates):
            terminalreporter.write_line(line)
