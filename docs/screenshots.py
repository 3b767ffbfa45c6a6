"""Makes a screenshot of every kind of page: ``python docs/screenshots.py FOLDER``, in the project's folder.

Pages: a green run, a red one, a stale one, an inconclusive live one, and the comparison of two. Each at 390, 768, 1200
and 1920 pixels, light and dark, and as it is printed. No page may be wider than its window. Where axe-core is (``npm ci
--prefix .ci/axe``), it checks each. The exit status is 1 if anything is found.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pictures import CHANGE, ROOT, open_browser, run_evals

WIDTHS = (390, 768, 1200, 1920)
AXE = ROOT / ".ci/axe/node_modules/axe-core/axe.min.js"
VARIANTS = ("--variants", "labels,described,tuned", "--ignore=evals/test_preprocessing.py")
LIMIT = "\n[embedded.bundled.labels.{key}]\nlimit = {limit}\nreason = 'for a picture'\n"


def make_pages(folder: Path) -> dict[str, Path]:
    """Name -> page, each of a run of its own copy of the project in ``folder``."""
    for name in ("pyproject.toml", "conftest.py", "evals", "cassettes", "fixtures"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    gates, variants = folder / "evals" / "gates.toml", folder / "evals" / "variants.toml"
    kept = gates.read_text("utf-8"), variants.read_text("utf-8")

    def run(name: str, *options: str, status: int) -> Path:
        run_evals(folder / name, *VARIANTS, *options, folder=folder, status=status)
        return folder / name / "report.html"

    pages = {"green": run("green", status=0)}
    gates.write_text(kept[0] + LIMIT.format(key="min_recall", limit="0.99\nclass = 'sci.med'"), "utf-8")
    pages["red"] = run("red", status=1)
    gates.write_text(kept[0] + LIMIT.format(key="min_recall", limit="0.5\nclass = 'sci.med'"), "utf-8")
    pages["inconclusive"] = run("inconclusive", "--record-mode", "all", status=1)
    gates.write_text(kept[0], "utf-8")
    head, found, tail = kept[1].partition("\n[labels]")
    variants.write_text(head + found + tail.replace(*CHANGE, 1), "utf-8")
    pages["stale"] = run("stale", status=1)
    run("changed", "--record-mode", "new_episodes", status=0)
    compare = [sys.executable, "-m", "newsgauge.cli.main", "compare", "green", "changed", "--html", "comparison.html"]
    subprocess.run(compare, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return {**pages, "comparison": folder / "comparison.html"}


def save_page(browser: Any, page: Path, out: Path, name: str) -> list[str]:
    """All pictures of one page; what is wrong with it."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            browser.get(page.as_uri())
            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
            (out / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            found += [f"{name}, {width} px, {scheme}: the page is {wide} px wide"] if wide > width else []
            if AXE.exists():
                browser.execute_script("document.querySelectorAll('details').forEach(part => { part.open = true; })")
                browser.execute_script(AXE.read_text("utf-8"))
                said = browser.execute_async_script("axe.run().then(r => arguments[0](r.violations))")
                found += [f"{name}, {width} px, {scheme}: {one['id']}: {len(one['nodes'])}" for one in said]
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    (out / f"{name}-print.pdf").write_bytes(base64.b64decode(printed["data"]))
    return found


def main() -> int:
    """Make them all; 1 if something is wrong with a page, 2 without a browser."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the pictures go; it has to be new")
    out = parser.parse_args().folder
    browser = open_browser()
    if browser is None:
        print("docs/screenshots.py: Chromium and chromedriver are not on the PATH", file=sys.stderr)
        return 2
    try:
        runs = out / "runs"
        runs.mkdir(parents=True)
        found = [line for name, page in make_pages(runs).items() for line in save_page(browser, page, out, name)]
    finally:
        browser.quit()
    print("\n".join(found) or ("axe-core finds nothing" if AXE.exists() else "every page fits; axe-core is not there"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
