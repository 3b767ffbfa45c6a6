"""Makes a screenshot of every kind of page: ``python docs/screenshots.py FOLDER``, in the project's folder.

Pages: a green run, a red one, one of its cases, a stale run, an inconclusive live one, and the comparison of two. Each
at 390, 768, 1200 and 1920 pixels, light and dark, and as it is printed. No page may be wider than its window, and no
cell of a table may break its words. Where axe-core is (``npm ci --prefix .ci/axe``), it checks each. The exit status is
1 if anything is found.

``--docs`` also puts the first screen of each, small, into docs/pictures.
"""

from __future__ import annotations

import argparse
import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pictures import CHANGE, PICTURES, ROOT, open_browser, run_evals, shrink

WIDTHS = (390, 768, 1200, 1920)
AXE = ROOT / ".ci/axe/node_modules/axe-core/axe.min.js"
ALL = "--ignore=evals/test_preprocessing.py"
VARIANTS = ("--variants", "labels,described,tuned", ALL)
LIMIT = "\n[embedded.bundled.labels.{key}]\nlimit = {limit}\nreason = '{reason}'\n"
#: What docs show: of which page, its width, its height, and light or dark.
SHOWN = {
    "red": ("red", 1200, 900, "light"),
    "dark": ("red", 1200, 900, "dark"),
    "phone": ("red", 390, 800, "light"),
    "stale": ("stale", 1200, 900, "light"),
    "inconclusive": ("inconclusive", 1200, 900, "light"),
    "comparison": ("comparison", 1200, 900, "light"),
    "case": ("case", 1200, 900, "light"),
}
#: All rules of axe-core, and that of WCAG 2.2 that targets are 24 pixels, which is not run if it is not asked for.
AXE_RUN = "axe.run({rules: {'target-size': {enabled: true}}}).then(found => arguments[0](found.violations))"
READY = "const c = document.getElementById('case-controls'); return !c || !c.hidden"
#: Cells with more lines than words; a path may break anywhere, and so may a hash.
SQUEEZED = """return [...document.querySelectorAll('main table td, main table th')].filter(cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  const seen = [...range.getClientRects()].filter(one => one.width > 2 && one.height > 2);
  const lines = new Set(seen.map(one => Math.round((one.top + one.height / 2) / 12)));
  return cell.innerText.trim().length > 2 && lines.size > (cell.innerText.match(/[^\\s./-]{1,20}/g) || []).length;
}).map(cell => cell.innerText)"""


def make_pages(folder: Path) -> dict[str, str]:
    """Name -> address of a page, each of a run of its own copy of the project in ``folder``."""
    for name in ("pyproject.toml", "conftest.py", "evals", "cassettes", "fixtures"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    gates, variants = folder / "evals" / "gates.toml", folder / "evals" / "variants.toml"
    kept = gates.read_text("utf-8"), variants.read_text("utf-8")

    def run(name: str, *options: str, status: int) -> str:
        run_evals(folder / name, *options, folder=folder, status=status)
        return (folder / name / "report.html").resolve().as_uri()

    def limit(limit: str, reason: str) -> None:
        table = LIMIT.format(key="min_recall", limit=f"{limit}\nclass = 'sci.med'", reason=reason)
        gates.write_text(kept[0] + table, "utf-8")

    pages = {"green": run("green", ALL, status=0)}
    limit("0.5", "half of the medical posts have to reach their group")
    pages["red"] = run("red", *VARIANTS, status=1)
    pages["case"] = pages["red"] + "#cases?posts=sci.med-58315&open=sci.med-58315%20labels"
    pages["inconclusive"] = run("inconclusive", *VARIANTS, "--record-mode", "all", status=1)
    gates.write_text(kept[0], "utf-8")
    head, found, tail = kept[1].partition("\n[labels]")
    variants.write_text(head + found + tail.replace(*CHANGE, 1), "utf-8")
    pages["stale"] = run("stale", *VARIANTS, status=1)
    # Names of groups without a line about each, which is worth ten points.
    variants.write_text(re.sub(r"(?m)^(- [a-z.-]+): .*", r"\1", kept[1]), "utf-8")
    run("changed", *VARIANTS, "--record-mode", "new_episodes", status=1)
    compare = [sys.executable, "-m", "newsgauge.cli.main", "compare", "green", "changed", "--html", "comparison.html"]
    subprocess.run(compare, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return {**pages, "comparison": (folder / "comparison.html").resolve().as_uri()}


def show(browser: Any, address: str, width: int, height: int, scheme: str) -> None:
    """Open a page anew, as wide and as dark as said, with its table filled."""
    from selenium.webdriver.support.ui import WebDriverWait

    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get("about:blank")
    browser.get(address)
    WebDriverWait(browser, 20).until(lambda it: it.execute_script(READY))
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")  # it is drawn


def save_shot(browser: Any, path: Path, *, whole: bool) -> None:
    """What the window shows, or the ``whole`` page."""
    wanted = {"captureBeyondViewport": whole, "format": "png"}
    path.write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", wanted)["data"]))


def save_page(browser: Any, address: str, out: Path, name: str) -> Iterator[str]:
    """All pictures of one page; what is wrong with it."""
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            where = f"{name}, {width} px, {scheme}"
            show(browser, address, width, 900, scheme)
            save_shot(browser, out / f"{name}-{width}-{scheme}.png", whole=True)
            browser.execute_script("document.querySelectorAll('details').forEach(part => { part.open = true; })")
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            if wide > width:
                yield f"{where}: the page is {wide} px wide"
            if squeezed := browser.execute_script(SQUEEZED):
                yield f"{where}: {len(squeezed)} cells are too narrow for their words: {squeezed[:3]}"
            if AXE.exists():
                browser.execute_script(AXE.read_text("utf-8"))
                for one in browser.execute_async_script(AXE_RUN):
                    yield f"{where}: axe-core: {one['id']}: {len(one['nodes'])}"
    show(browser, address, 1200, 900, "light")
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    (out / f"{name}-print.pdf").write_bytes(base64.b64decode(printed["data"]))


def main() -> int:
    """Make them all; 1 if something is wrong with a page, 2 without a browser."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the pictures go; it has to be new")
    parser.add_argument("--docs", action="store_true", help="the small ones of docs/pictures, too")
    options = parser.parse_args()
    browser = open_browser()
    if browser is None:
        print("docs/screenshots.py: Chromium and chromedriver are not on the PATH", file=sys.stderr)
        return 2
    try:
        runs = options.folder.resolve() / "runs"
        runs.mkdir(parents=True)
        pages = make_pages(runs)
        found = [line for name, page in pages.items() for line in save_page(browser, page, options.folder, name)]
        for name, (page, width, height, scheme) in SHOWN.items() if options.docs else ():
            show(browser, pages[page], width, height, scheme)
            save_shot(browser, PICTURES / f"report-{name}.png", whole=False)
            shrink(PICTURES / f"report-{name}.png")
    finally:
        browser.quit()
    print("\n".join(found) or ("axe-core finds nothing" if AXE.exists() else "every page fits; axe-core is not there"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
