"""Files that other programs read: workflows, hooks, the citation. Checked by the schemas and linters made for them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from towncrier._shell import cli as towncrier

from newsgauge.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "src" / "newsgauge" / "cli" / "templates"
WORKFLOWS = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    TEMPLATES / "github.yml",
    TEMPLATES / "nightly.yml",
]
PIPELINES = [ROOT / ".gitlab-ci.yml", TEMPLATES / "gitlab.yml"]
TOOLS = Path(sys.executable).parent


def run(tool: str, *arguments: str | Path) -> None:
    done = subprocess.run([TOOLS / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_the_workflows_are_as_github_reads_them(schema: str) -> None:
    assert len(WORKFLOWS) > 1
    run("check-jsonschema", "--builtin-schema", schema, *WORKFLOWS)


def test_the_pipelines_are_as_gitlab_reads_them() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *PIPELINES)


def test_the_citation_is_in_the_format_of_citation_files() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff")


def test_the_workflows_are_safe() -> None:
    run("zizmor", "--offline", "--no-progress", "--config", ".github/zizmor.yml", *WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text("utf-8"))
    # A user's workflow names versions that can be read; this project's name commits, with the version beside them.
    pinned = (
        r"[a-z-]+/[a-z-]+@v\d+\.\d+\.\d+"
        if path.parent == TEMPLATES
        else r"[a-z-]+/[a-z-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+"
    )
    assert used
    assert [name for name in used if not re.fullmatch(pinned, name)] == []


def test_every_newsgauge_command_of_these_files_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    hooks = [ROOT / ".pre-commit-hooks.yaml", ROOT / ".pre-commit-config.yaml"]
    found = set()
    for path in (*WORKFLOWS, *PIPELINES, *hooks):
        found |= set(re.findall(r"(?:- |run: |entry: |^ +)newsgauge ([a-z]+)\b", path.read_text("utf-8"), re.MULTILINE))
    assert {"cassettes", "merge"} <= found
    for command in found:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
    capsys.readouterr()


def test_one_command_of_contributing_does_what_ci_does() -> None:
    command = "bash .ci/run"
    assert command in (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert f"run: {command}\n" in (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert f"- {command}\n" in (ROOT / ".gitlab-ci.yml").read_text("utf-8")
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "nox" in script


def test_a_release_says_where_it_comes_from(tmp_path: Path) -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]["build"]["steps"]
    (script,) = [step["run"] for step in steps if "HOME_PAGE" in step.get("env", {})]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    home = "https://code.example/owner/newsgauge"
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, env={"HOME_PAGE": home}, check=True)
    urls = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    assert urls == {"Source": home, "Issues": f"{home}/issues", "Changelog": f"{home}/blob/main/CHANGELOG.md"}


def test_the_fragments_of_the_changelog_become_its_newest_section(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "changelog.d", tmp_path / "changelog.d", ignore=shutil.ignore_patterns("*.change.md"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    for name, text in (("a", "First `one`.\n"), ("b", "Second,\nover two lines.\n")):
        (tmp_path / "changelog.d" / f"{name}.change.md").write_text(text)
    arguments = ["build", "--keep", "--dir", str(tmp_path), "--version", "9.8.7", "--date", "2026-12-24"]
    done = CliRunner().invoke(towncrier, arguments)
    assert done.exit_code == 0, done.output
    made, before = (folder / "CHANGELOG.md" for folder in (tmp_path, ROOT))
    head, marker, rest = before.read_text("utf-8").partition("<!-- releases, newest first -->\n")
    section = "\n## 9.8.7 (2026-12-24)\n\n- First `one`.\n- Second,\n  over two lines.\n"
    assert made.read_text("utf-8") == head + marker + section + rest


def test_every_fragment_has_the_name_of_one_and_says_something() -> None:
    found = {path.name: path.read_text("utf-8") for path in (ROOT / "changelog.d").iterdir()}
    others = {"README.md", "template.jinja"}
    assert {name for name in found if not re.fullmatch(r"[a-z0-9-]+\.change\.md", name)} == others
    assert [name for name, text in found.items() if not text.strip()] == []


def test_the_package_says_that_it_is_typed_and_which_pythons_it_was_tried_on() -> None:
    assert (ROOT / "src" / "newsgauge" / "py.typed").is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "Typing :: Typed" in project["classifiers"]
    assert [one for one in project["classifiers"] if one.startswith("Programming Language :: Python :: 3.")] == [
        f"Programming Language :: Python :: {version}" for version in ("3.11", "3.12", "3.13")
    ]
