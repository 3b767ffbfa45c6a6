"""Every block of the docs runs, loads or is checked; links lead somewhere; options that are named are there."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from newsgauge.cli.main import make_parser
from newsgauge.corpora.twenty_newsgroups import has_twenty_newsgroups
from newsgauge.running.recording_options import add_recording_options
from newsgauge.running.run_options import add_plan_options
from tests.doc_blocks import ROOT, SERVER, Block, Shell, blocks, commands_of, pages, prose, try_block
from tests.quick_python import program

#: Ways to try a block; a block of another language needs one of its own.
LANGUAGES = {"sh", "console", "python", "toml", "json", "yaml", "text"}
#: Pages whose blocks are tried by a test that also says what has to come of them.
ELSEWHERE = {"docs/own-technique.md": "tests/plugin/test_own_technique_page.py"}
PAGES = [page.relative_to(ROOT).as_posix() for page in pages()]
RUNNING = {"sh", "console", "python"}


def is_run(block: Block) -> bool:
    return not {"not run", "command"} & set(block.marks)


def pages_that_run() -> list[str]:
    found = [name for name in PAGES if any(b.language in RUNNING and is_run(b) for b in blocks(ROOT / name))]
    return [name for name in found if name not in ELSEWHERE]


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A running embedded backend, for pages that speak to one."""
    if SERVER not in (ROOT / str(request.node.callspec.params["name"])).read_text("utf-8"):
        yield SERVER
        return
    from gemini_emulator.server import EmbeddedServer

    with EmbeddedServer(state=tmp_path / "state") as running:
        yield running.base_url


@pytest.fixture
def shell(server: str, tmp_path: Path) -> Shell:
    """A checkout as a user has it after the README's first command."""
    folder = tmp_path / "newsgauge"
    for name in ("README.md", "pyproject.toml", "conftest.py", "evals", "cassettes", "fixtures", "docs"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    return Shell(folder, server=server, tools=[str(Path(program("pytest")).parent)])


@pytest.mark.slow
@pytest.mark.parametrize("name", pages_that_run())
def test_the_blocks_of_a_page_run_one_after_the_other(name: str, shell: Shell) -> None:
    for block in blocks(ROOT / name):
        if not is_run(block):
            continue
        needed = block.marks.get("needs", "bash")
        if needed != "20 Newsgroups" and shutil.which(needed):
            try_block(block, shell)
        elif needed == "20 Newsgroups" and has_twenty_newsgroups():
            try_block(block, Shell(shell.folder, is_bare=False, tools=[str(Path(program("pytest")).parent)]))


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ELSEWHERE])
def test_what_does_not_run_can_be_read(name: str, tmp_path: Path) -> None:
    for block in blocks(ROOT / name):
        assert block.language in LANGUAGES, f"{block.where}: {block.language!r}"
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            assert yaml.safe_load(block.text)
        elif block.language == "toml":
            try_block(block, Shell(tmp_path))
        elif block.language == "python":
            compile(block.text, block.where, "exec")


def test_pages_tried_elsewhere_are() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / page).is_file() == (ROOT / test).is_file()


@pytest.mark.parametrize("name", PAGES)
def test_commands_of_blocks_parse(name: str, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> None:
    for block in blocks(ROOT / name):
        if block.language not in ("sh", "console", "text"):
            continue
        lines = block.text.splitlines()
        script = block.text if block.language == "sh" else "\n".join(line for line in lines if _is_command(line))
        for words in commands_of(script):
            problem = why_refused(words, pytestconfig, capsys)
            assert problem is None, f"{block.where}: {' '.join(words)}: {problem}"


def _is_command(line: str) -> bool:
    return line.startswith(("$ ", "  ")) or line.endswith("\\")


def why_refused(words: list[str], config: pytest.Config, capsys: pytest.CaptureFixture[str]) -> str | None:
    """What the real parser says against a command; None where it takes it."""
    program, *rest = words
    if program == "pytest":
        unknown = {word.partition("=")[0] for word in rest if word.startswith("--")} - options_of_pytest(config)
        parser = argparse.ArgumentParser(prog="pytest", exit_on_error=False, allow_abbrev=False)
        add_plan_options(parser.add_argument)
        add_recording_options(parser.add_argument)
        parse = parser.parse_known_args
    else:
        unknown = set()
        parse = make_parser().parse_args  # type: ignore[assignment]
    try:
        parse(rest)
    except argparse.ArgumentError as error:
        return str(error)
    except SystemExit as end:
        said = capsys.readouterr()
        return None if end.code == 0 else said.err
    return f"unknown {', '.join(sorted(unknown))}" if unknown else None


def options_of_pytest(config: pytest.Config) -> set[str]:
    groups = [config._parser._anonymous, *config._parser._groups]
    return {name for group in groups for option in group.options for name in option.names()}


def options_of_newsgauge(parser: argparse.ArgumentParser | None = None) -> set[str]:
    found = set()
    for action in (parser or make_parser())._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= options_of_newsgauge(inner)
    return found


def options_of_benchmarks() -> set[str]:
    scripts = (path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    return {name for script in scripts for name in re.findall(r"add_argument\(\s*\"(--[a-z-]+)", script)}


@pytest.mark.parametrize("name", PAGES)
def test_options_that_the_prose_names_are_there(name: str, pytestconfig: pytest.Config) -> None:
    known = options_of_pytest(pytestconfig) | options_of_newsgauge() | options_of_benchmarks()
    for span in re.findall(r"`([^`\n]+)`", prose(ROOT / name)):
        of_others = re.match(r"(pip|uv|git|gcloud|sed|ruff|npm|nox|lscpu) ", span)
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", span))
        assert of_others or named <= known, f"{name}: `{span}`: unknown {named - known}"


@pytest.mark.parametrize("name", [*PAGES, "ARCHITECTURE.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target, part in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        leads_to = page.parent / target if target else page
        assert leads_to.exists(), f"{name}: {target}"
        if part:
            assert part in anchors(leads_to), f"{name}: {target}#{part}"


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        for target in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.read_text("utf-8")):
            path = (page.parent / target).resolve()
            if path not in seen and path.is_file():
                todo.append(path)
    assert [name for name in PAGES if name.startswith("docs/") and ROOT / name not in seen] == []
