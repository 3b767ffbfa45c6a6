"""The pictures of the docs, made anew: ``python docs/pictures.py``, in the project's folder.

``docs/pictures/terminal.svg``: what ``pytest evals`` prints on the bundled corpus. ``docs/pictures/report.png``: the
head of its report, where Chromium and chromedriver are installed. Both show bundled posts only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 100
SHOWN = ("newsgauge: corpus", "newsgauge: variants", "newsgauge: backend")


def run_evals(results: Path) -> str:
    """What a run prints in a terminal, colours included."""
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "evals", "--color=yes", "--results", str(results)],
        cwd=ROOT,
        env={**environment, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\npytest evals is not green: no picture of that")
    return done.stdout


def without_accidents(said: str) -> str:
    """The lines worth a picture, the same on every machine: header, scoreboard, verdicts; no paths, no seconds."""
    lines = said.splitlines()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    start = next(number for number, line in enumerate(plain) if "newsgauge scoreboard" in line)
    head = [line for line, text in zip(lines, plain, strict=True) if text.startswith(SHOWN)]
    tail = [
        re.sub(
            r"newsgauge: report .*",
            "newsgauge: report .newsgauge/results/report.html",
            re.sub(r" in [\d.]+s", "", line),
        )
        for line in lines[start:]
    ]
    return "\n".join(["$ pytest evals", *head, "", *tail])


def save_terminal(said: str, path: Path) -> None:
    """An SVG of the terminal."""
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(said), soft_wrap=True)
        # A fixed id, so that the same output is the same file.
        drawn = console.export_svg(title="pytest evals", unique_id="newsgauge")
    # No font from the web: the reader's own monospaced one will do.
    path.write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL), "utf-8")


def save_report(report: Path, path: Path) -> bool:
    """A PNG of the top of the report; False where there is no browser."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        return False
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1980"):
        options.add_argument(argument)
    options.binary_location = chromium
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.get(report.as_uri())
        browser.execute_script(
            "document.querySelectorAll('details').forEach(part => part.open = part.innerText.startsWith('tuned:'))"
        )
        time.sleep(2)
        browser.save_screenshot(str(path))
    finally:
        browser.quit()
    return True


def shrink(path: Path) -> None:
    """Fewer colours: a page of text needs no more, and the file is a third."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> int:
    """Make all pictures; the exit status."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        save_terminal(without_accidents(run_evals(results)), PICTURES / "terminal.svg")
        if save_report(results / "report.html", PICTURES / "report.png"):
            shrink(PICTURES / "report.png")
        else:
            print("docs/pictures/report.png is left as it is: Chromium and chromedriver are not on the PATH")
    return 0


if __name__ == "__main__":
    sys.exit(main())
