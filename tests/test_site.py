"""The docs as a site: every page is in the navigation, every public name in the API, nothing comes from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import newsgauge

ROOT = Path(__file__).resolve().parents[1]
CONFIG = (ROOT / "mkdocs.yml").read_text("utf-8")
NAV = set(re.findall(r"^ +- (?:.+: )?([\w./-]+\.(?:md|ipynb))$", CONFIG, re.MULTILINE))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_navigation() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= NAV, f"mkdocs.yml: nav lacks {sorted(pages - NAV)}"


def test_the_api_page_names_what_newsgauge_hands_out() -> None:
    named = re.findall(r"^::: newsgauge\.(\w+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(set(newsgauge.__all__) - {"__version__"})


@pytest.mark.slow
def test_the_site_shows_readme_signatures_and_linked_files_and_loads_nothing(site: Path) -> None:
    home = (site / "index.html").read_text("utf-8")
    assert "pytest evals" in home
    assert 'href="tutorial/"' in home
    api = (site / "api" / "index.html").read_text("utf-8")
    assert 'id="newsgauge.load_run"' in api
    assert "Read and check a results folder" in api
    assert "system_instruction" in (site / "project" / "evals" / "variants.toml" / "index.html").read_text("utf-8")
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=[\"']?(https?://[^\s\"'>]+)", text)
        assert loaded == [], page


def test_the_configuration_refuses_links_that_lead_nowhere() -> None:
    plain = yaml.safe_load(re.sub(r"!!python\S+ ", "", CONFIG))
    assert plain["validation"]["links"] == dict.fromkeys(plain["validation"]["links"], "warn")
    assert plain["validation"]["nav"]["omitted_files"] == "warn"
