"""The options that say where a project keeps what."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..running.plans_file import Folders


def add_folder_options(parser: argparse._ActionsContainer, *, cassettes: bool = False) -> None:
    """``--root`` and what is in it; ``cassettes`` too where no other option says where they are."""
    parser.add_argument("--root", default=".", metavar="DIR", help="folder of the project (default: this folder)")
    parser.add_argument("--evals", default="evals", metavar="DIR", help="its evals (default: %(default)s)")
    if cassettes:
        parser.add_argument(
            "--cassettes", default="cassettes", metavar="DIR", help="its recordings (default: %(default)s)"
        )
    parser.add_argument(
        "--bundled", default="fixtures/bundled", metavar="DIR", help="its bundled corpus (default: %(default)s)"
    )


def folders_of(options: argparse.Namespace) -> Folders:
    """The folders that the options name."""
    from ..running.plans_file import Folders

    cassettes = os.path.normpath(options.cassettes or "cassettes")
    return Folders(Path(options.root), options.evals, cassettes, options.bundled)
