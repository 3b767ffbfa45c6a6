"""Makes the pictures of the docs: ``python docs/pictures.py``, in the project's folder.

- ``docs/pictures/terminal.svg``: what ``pytest evals`` prints on the bundled corpus;
- ``change.svg``: a changed prompt turns the run red, and green again, as an animation;
- ``slices.svg``: the accuracy by confidence and by slices of the posts;
- ``report.png``: the head of the report, if Chromium and chromedriver are installed; and parts of it.

All show bundled posts only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from terminal_pictures import WIDTH, save_story, save_terminal

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
#: Parts of the report that docs/beyond-accuracy.md shows.
PARTS = {"confidence": "#confidence", "disturbances": "#disturbances", "cost": "#summary figure:last-of-type"}
SHOWN = ("newsgauge: corpus", "newsgauge: variants", "newsgauge: backend")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: The story of a changed prompt: the command, its exit status, and which of its lines are shown.
CHANGE = ("one of these Usenet newsgroups", "one of these newsgroups")
_ROW = r"variant +n|labels .*(PASS|UNANSWERED)$|newsgauge: (GREEN|RED)"
STORY = (
    ("", 0, rf"PASS  |{_ROW}"),
    ("", 1, rf"newsgauge: no answer to|{_ROW}"),
    (" --record-mode new_episodes", 0, rf"newsgauge: backend|labels against|{_ROW}"),
    (" --update-baseline", 0, rf"written:|~ labels|    prompt|{_ROW}"),
)


def run_evals(results: Path, *options: str, folder: Path = ROOT, status: int = 0) -> str:
    """What a run prints in a terminal, colours included."""
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "evals", "--color=yes", "--results", str(results), *options],
        cwd=folder,
        env={**environment, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != status:
        sys.exit(f"{done.stdout}\npytest evals ended with {done.returncode}, expected {status}: no picture of that")
    return done.stdout


def story_of_a_change(folder: Path) -> list[str]:
    """What is printed when a prompt changes: green, red, recorded, accepted. ``folder`` gets a copy of the project."""
    for name in ("pyproject.toml", "conftest.py", "evals", "cassettes", "fixtures"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    outputs = []
    for number, (options, status, shown) in enumerate(STORY):
        said = ""
        if number == 1:
            variants = folder / "evals" / "variants.toml"
            head, found, tail = variants.read_text("utf-8").partition("\n[labels]")
            variants.write_text(head + found + tail.replace(*CHANGE, 1), "utf-8")
            said = f"evals/variants.toml\n\x1b[31m- {CHANGE[0]}\x1b[0m\n\x1b[32m+ {CHANGE[1]}\x1b[0m\n\n"
        options_of_command = ["--variants", "labels", "--ignore=evals/test_preprocessing.py", *options.split()]
        lines = run_evals(folder / "results", *options_of_command, folder=folder, status=status).splitlines()
        kept = [line.partition("; asked:")[0] for line in lines if re.match(shown, _COLOUR.sub("", line))]
        wrapped = [part for line in kept for part in textwrap.wrap(line, WIDTH, drop_whitespace=False)]
        outputs.append("\n".join([f"{said}$ pytest evals --variants labels{options}", "", *wrapped]))
    return outputs


def without_seconds(lines: list[str]) -> list[str]:
    """The lines without what differs from run to run."""
    return [re.sub(r" in [\d.]+s", "", line) for line in lines]


def without_accidents(said: str) -> str:
    """The lines worth a picture, the same on every machine: header, scoreboard, verdicts; no paths, no seconds."""
    lines = said.splitlines()
    plain = [_COLOUR.sub("", line) for line in lines]
    start = next(number for number, line in enumerate(plain) if "newsgauge scoreboard" in line)
    head = [line for line, text in zip(lines, plain, strict=True) if text.startswith(SHOWN)]
    tail = [
        re.sub(r"newsgauge: report .*", "newsgauge: report .newsgauge/results/report.html", line)
        for line in without_seconds(lines[start:])
    ]
    return "\n".join(["$ pytest evals", *head, "", *tail])


def part_of(said: str, first: str, end: str) -> str:
    """The lines of an output from the one that begins with ``first`` to before the heading that holds ``end``."""
    lines = said.splitlines()
    plain = [_COLOUR.sub("", line) for line in lines]
    start = next(number for number, line in enumerate(plain) if line.startswith(first))
    stop = next(number for number, line in enumerate(plain) if number > start and re.match(rf"=+ .*{end}", line))
    return "\n".join(lines[start:stop])


def open_browser(*arguments: str) -> Any:
    """Chromium without a window; None where it or chromedriver is not on the PATH."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        return None
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *arguments):
        options.add_argument(argument)
    options.binary_location = chromium
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def save_report(report: Path, path: Path) -> bool:
    """A PNG of the top of the report, and one of each of `PARTS`; False where there is no browser."""
    browser = open_browser("--window-size=1200,1980")
    if browser is None:
        return False
    try:
        browser.get(report.as_uri())
        browser.execute_script(
            "document.querySelectorAll('details').forEach(part => part.open = part.innerText.startsWith('tuned:'))"
        )
        time.sleep(2)
        browser.save_screenshot(str(path))
        browser.execute_script(
            "document.querySelectorAll('#confidence details').forEach(part => { part.open = true; })"
        )
        for name, selector in PARTS.items():
            part = path.with_name(f"{name}.png")
            browser.find_element("css selector", selector).screenshot(str(part))
            shrink(part)
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
        said = run_evals(results)
        save_terminal(without_accidents(said), PICTURES / "terminal.svg", title="pytest evals")
        details = part_of(run_evals(results, "-v"), "confidence ", "gates")
        save_terminal(details, PICTURES / "slices.svg", title="accuracy by slices")
        copy = Path(folder) / "copy"
        copy.mkdir()
        save_story(story_of_a_change(copy), PICTURES / "change.svg", title="a prompt changes")
        if save_report(results / "report.html", PICTURES / "report.png"):
            shrink(PICTURES / "report.png")
        else:
            print("docs/pictures/report.png is left as it is: Chromium and chromedriver are not on the PATH")
    return 0


if __name__ == "__main__":
    sys.exit(main())
