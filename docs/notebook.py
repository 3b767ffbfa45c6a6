"""Runs ``docs/codelab.ipynb`` and keeps what its cells show: ``python docs/notebook.py``.

With ``--check`` it fails if they show something else. Nothing is left behind: the notebook works in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("codelab.ipynb")
#: What would ask about other posts, or ask somebody else.
UNSET = ("CI", "PYTEST_ADDOPTS", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL")


def run(notebook: nbformat.NotebookNode) -> None:
    """Run all cells, with the programs of this Python first."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ["NO_COLOR"] = "1"
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of day


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells show, as text and as HTML."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [
        text
        for one in outputs
        for text in [one.get("text", ""), *(one.get("data", {}).get(kind, "") for kind in ("text/plain", "text/html"))]
        if text
    ]


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args()
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    before = shown(notebook)
    run(notebook)
    if not options.check:
        nbformat.write(notebook, NOTEBOOK)  # type: ignore[no-untyped-call]
        return 0
    for old, new in zip(before, shown(notebook), strict=True):
        if old != new:
            print(
                f"{NOTEBOOK.name}: a cell shows\n{new}\nnot\n{old}\nIf meant: python docs/notebook.py", file=sys.stderr
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
