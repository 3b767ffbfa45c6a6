"""The page in a real browser: nothing on the console, the table sorts and filters, both themes can be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.report_runs import PROMPTS, SECRET, write_run

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install -e .[test]")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver, which are not on the PATH"),
    # Selenium talks to its driver over loopback and leaves a socket or two for the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


#: axe-core, from `npm ci --ignore-scripts --prefix .ci/axe`, or where the variable says.
AXE = Path(os.environ.get("NEWSGAUGE_AXE") or Path(__file__).parents[2] / ".ci/axe/node_modules/axe-core/axe.min.js")
needs_axe = pytest.mark.skipif(
    not AXE.exists(), reason="axe-core is not there: npm ci --prefix .ci/axe, or set NEWSGAUGE_AXE"
)
WIDTHS = (390, 768, 1200, 1920)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,1000"):
        options.add_argument(argument)
    options.binary_location = CHROMIUM or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, finished: Path) -> Iterator[Any]:
    show(browser, finished / "report.html", "cases?")
    yield browser
    assert browser.get_log("browser") == []


def show(browser: Any, path: Path, where: str = "") -> None:
    """Open the page at ``#where``; ``cases?`` is the table without a filter."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get("about:blank")
    browser.get(path.as_uri() + (f"#{where}" if where else ""))
    WebDriverWait(browser, 30).until(lambda b: "of" in status(b) and "cases" in status(b))


def status(browser: Any) -> str:
    return str(browser.find_element("id", "case-status").text)


def column(browser: Any, number: int) -> list[str]:
    script = "return [...document.querySelectorAll('#cases tbody tr')].map(r => r.cells[arguments[0]].textContent)"
    return list(browser.execute_script(script, number))


def resize(browser: Any, width: int, scheme: str = "light") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def violations(browser: Any) -> list[str]:
    """What axe-core finds, by all of its rules for WCAG 2.2 AA and good practice, with all that folds unfolded."""
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.execute_script(AXE.read_text("utf-8"))
    found = browser.execute_async_script(
        "axe.run({rules: {'target-size': {enabled: true}}}).then(r => arguments[0](r.violations))"
    )
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def choose(browser: Any, select: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("id", f"filter-{select}")).select_by_value(value)


def test_all_cases_are_listed_a_page_at_a_time(page: Any) -> None:
    assert status(page) == "80 of 80 cases, page 1 of 2"
    assert len(column(page, 0)) == 50
    page.find_element("id", "page-on").click()
    assert status(page) == "80 of 80 cases, page 2 of 2"
    assert len(column(page, 0)) == 30
    assert not page.find_element("id", "page-on").is_enabled()


def test_a_click_on_a_head_sorts_and_a_second_one_reverses(page: Any) -> None:
    button = page.find_element("css selector", "#cases button[data-by=input]")
    button.click()
    tokens = [int(text) for text in column(page, 5)]
    assert tokens == sorted(tokens)
    assert tokens[0] == 100
    assert button.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    button.click()
    tokens = [int(text) for text in column(page, 5)]
    assert tokens == sorted(tokens, reverse=True)
    assert tokens[0] == 136


def test_ids_sort_by_number_not_by_letter(page: Any) -> None:
    choose(page, "variant", "tuned")
    choose(page, "label", "rec.autos")
    page.find_element("css selector", "#cases button[data-by=id]").click()
    assert column(page, 0)[:5] == [f"rec.autos-{n}" for n in (0, 3, 6, 9, 12)]


def test_a_page_of_a_failed_run_opens_on_the_wrong_answers_of_the_variant_that_failed(
    browser: Any, finished: Path
) -> None:
    show(browser, finished / "report.html")
    assert status(browser).startswith("10 of 80")
    assert set(column(browser, 1)) == {"plain"}
    browser.find_element("id", "filter-clear").click()
    assert status(browser).startswith("80 of 80")


def test_what_is_shown_is_the_address_and_back_takes_a_step_back(page: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    choose(page, "variant", "tuned")
    choose(page, "outcome", "wrong")
    address = page.current_url
    assert address.endswith("#cases?variant=tuned&outcome=wrong")
    page.back()
    WebDriverWait(page, 10).until(lambda b: status(b).startswith("40 of 80"))
    page.get("about:blank")
    page.get(address)
    WebDriverWait(page, 10).until(lambda b: status(b).startswith("4 of 80"))
    assert page.find_element("id", "filter-variant").get_attribute("value") == "tuned"


def test_an_open_case_shows_all_answers_to_its_post_and_has_an_address(page: Any) -> None:
    choose(page, "variant", "tuned")
    page.find_element("css selector", "#cases button.open").click()
    answers = page.find_elements("css selector", "tr.more tbody tr")
    assert [row.find_element("tag name", "th").text for row in answers] == ["plain", "tuned"]
    assert "open=rec.autos-0%20tuned" in page.current_url
    link = page.find_element("css selector", ".card > a").get_attribute("href")
    page.get("about:blank")
    page.get(link)
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 10).until(lambda b: status(b).startswith("2 of 80"))
    assert len(page.find_elements("css selector", "tr.more")) == 1


def test_an_open_case_shows_what_was_asked_the_recording_and_the_answer_of_the_baseline(page: Any) -> None:
    choose(page, "only", "changed since the baseline")
    assert status(page).startswith("1 of 80")
    page.find_element("css selector", "#cases button.open").click()
    plain, tuned = (row.text for row in page.find_elements("css selector", "tr.more tbody tr"))
    assert "unchanged" in plain
    assert "sci.med wrong rec.autos" in tuned
    assert "cassettes/tuned.jsonl:1" in tuned
    assert page.find_element("css selector", "tr.more pre").text == f"Which newsgroup?\n{SECRET} 0"


def test_posts_that_only_one_variant_has_right_are_one_choice(page: Any) -> None:
    # plain chats if the number divides by 4, tuned is wrong if it divides by 10: 10 of 40 less those of both, 0 and 20.
    choose(page, "only", "only tuned is right")
    assert status(page).startswith("16 of 80")
    assert {int(name.rpartition("-")[2]) % 4 for name in column(page, 0)} == {0}


def test_filters_work_together_and_can_be_taken_back(page: Any) -> None:
    choose(page, "variant", "tuned")
    choose(page, "outcome", "wrong")
    assert status(page).startswith("4 of 80")
    assert set(column(page, 1)) == {"tuned"}
    assert set(column(page, 4)) == {"wrong"}
    page.find_element("id", "filter-clear").click()
    assert status(page).startswith("80 of 80")


def test_the_search_finds_ids_answers_and_texts(page: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    page.find_element("id", "filter-find").send_keys(f"{SECRET} 31")
    WebDriverWait(page, 10).until(lambda b: status(b).startswith("2 of 80"))
    assert set(column(page, 0)) == {"sci.med-31"}


def test_a_row_opens_by_keyboard_and_shows_the_post_as_text(browser: Any, tmp_path: Path) -> None:
    show(browser, write_run(tmp_path / "run", text=lambda i: f"<b>bold</b> {i}") / "report.html", "cases?")
    browser.find_element("css selector", "#cases button.open").send_keys("\n")
    button = browser.switch_to.active_element
    assert button.get_attribute("aria-expanded") == "true"
    assert browser.find_element("css selector", "tr.more pre").text == "<b>bold</b> 0"
    button.send_keys("\n")
    assert browser.find_elements("css selector", "tr.more") == []
    assert browser.get_log("browser") == []


def test_a_cell_of_the_confusion_matrix_leads_to_its_cases(page: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    page.execute_script("document.querySelectorAll('#confusion details').forEach(d => { d.open = true; })")
    cell = page.find_element("css selector", "a[href='#cases?variant=tuned&label=rec.autos&answer=sci.med']")
    n = int(cell.text)
    page.execute_script("arguments[0].click()", cell)
    WebDriverWait(page, 10).until(lambda b: status(b).startswith(f"{n} of 80"))
    assert set(column(page, 2)) == {"rec.autos"}
    assert set(column(page, 3)) == {"sci.med"}


CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const solid = (text) => {
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const linear = (v) => v / 255 <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (!/, 0\\)$/.test(c) && c !== 'transparent') return solid(c); } return solid('white'); };
const low = [];
document.querySelectorAll('main *, header *').forEach(e => {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) return;
  if (e.closest('script') || e.disabled) return;
  const svg = e.namespaceURI.endsWith('svg');
  if (svg && e.tagName === 'title') return;
  const a = light(solid(svg ? getComputedStyle(e).fill : getComputedStyle(e).color)), b = light(behind(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) low.push(e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
});
return low;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(page: Any, scheme: str) -> None:
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.execute_script(CONTRAST) == []


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_report_with_an_open_case(page: Any, scheme: str) -> None:
    page.find_element("css selector", "#cases button.open").click()
    for width in (390, 1200):
        resize(page, width, scheme)
        assert violations(page) == []
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@needs_axe
def test_axe_finds_nothing_in_a_comparison(browser: Any, tmp_path: Path) -> None:
    from newsgauge.cli.main import main

    first, second = (
        write_run(tmp_path / "a"),
        write_run(tmp_path / "b", shift=3, prompts={**PROMPTS, "plain": "Say: {post}"}),
    )
    assert main(["compare", str(first), str(second)]) == 0
    browser.get((first / "comparison.html").as_uri())
    for width in (390, 1200):
        resize(browser, width)
        assert violations(browser) == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_screen_holds_verdict_variants_and_what_to_do(page: Any, width: int) -> None:
    page.get(page.current_url.partition("#")[0] + "?again")
    resize(page, width)
    page.execute_script("scrollTo(0, 0)")
    script = "return document.querySelector('.variants').getBoundingClientRect().bottom"
    assert page.execute_script(script) < 800
    assert page.execute_script("return document.querySelector('.steps').getBoundingClientRect().top") < 900
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_targets_are_at_least_24_pixels_high(page: Any) -> None:
    script = (
        "document.querySelectorAll('details').forEach(d => { d.open = true; });"
        "return [...document.querySelectorAll('button, select, input, summary, nav a, .heat a')]"
        ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80))"
    )
    assert page.execute_script(script) == []


def test_a_narrow_window_does_not_scroll_sideways(page: Any) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= 400
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_narrow_window_keeps_a_row_of_the_table_low(page: Any) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        script = "return [...document.querySelectorAll('#cases tbody tr')].map(r => r.clientHeight)"
        heights = page.execute_script(script)
        assert max(heights) < 80
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_thirty_thousand_cases_load_sort_and_filter(browser: Any, tmp_path: Path) -> None:
    show(browser, write_run(tmp_path / "run", n_posts=15_000, shows_posts=False, text=str) / "report.html", "cases?")
    assert status(browser) == "30,000 of 30,000 cases, page 1 of 600"
    browser.find_element("css selector", "#cases button[data-by=id]").click()
    assert column(browser, 0)[:3] == ["rec.autos-0", "rec.autos-0", "rec.autos-3"]
    choose(browser, "outcome", "off-list")
    assert status(browser).startswith("3,750 of 30,000")
    assert browser.get_log("browser") == []


def test_the_page_of_two_runs_says_nothing_on_the_console_and_leads_to_cases(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    from newsgauge.cli.main import main

    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", shift=3)
    assert main(["compare", str(first), str(second)]) == 0
    browser.get((first / "comparison.html").as_uri())
    assert browser.find_element("tag name", "h1").text == "newsgauge: two runs compared"
    link = browser.find_element("css selector", "#flips td a")
    # tuned had post 7 right in the first run, and has it wrong in the second.
    assert (link.text, link.get_attribute("href").partition("/a/")[2]) == (
        "sci.med",
        "report.html#cases?posts=sci.med-7&open=sci.med-7%20tuned",
    )
    link.click()
    WebDriverWait(browser, 10).until(lambda b: status(b).startswith("2 of 80"))
    assert browser.get_log("browser") == []
