"""The reference: options, fixtures and ini values as the code defines them, and the page around them.

``python docs/reference.py`` writes ``docs/reference.md``; with ``--check`` it fails where the page is another.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_suffix(".md")

#: What newsgauge, and the libraries it asks services with, read from the environment.
ENVIRONMENT = {
    "GEMINI_API_KEY": "key of the Developer API; read only when `--backend gemini` is asked, never in a replay",
    "GOOGLE_API_KEY": "the same; it wins if both are set, as in the SDK",
    "GOOGLE_GEMINI_BASE_URL": "another server for `--backend gemini`: [a gateway](how-to/gateway.md)",
    "GOOGLE_CLOUD_PROJECT": "project of `--backend vertex`",
    "GOOGLE_CLOUD_LOCATION": "its location (default: us-central1)",
    "GOOGLE_APPLICATION_CREDENTIALS": "key file of a service account, if `gcloud` has not logged in; Google's "
    "libraries read it",
    "CLOUDSDK_CONFIG": "where `gcloud` keeps its credentials; `newsgauge doctor` looks there",
    "GOOGLE_VERTEX_BASE_URL": "another server for `--backend vertex`",
    "OPENAI_API_KEY": 'key for variants with `api = "openai"`: [services.md](services.md)',
    "OPENAI_BASE_URL": "another server that speaks OpenAI's API",
    "ANTHROPIC_API_KEY": 'key for variants with `api = "anthropic"`',
    "ANTHROPIC_BASE_URL": "another server that speaks Anthropic's API",
    "MLFLOW_TRACKING_URI": "the server of `newsgauge export mlflow`",
    "MLFLOW_EXPERIMENT_NAME": "its experiment (default: newsgauge)",
    "SCIKIT_LEARN_DATA": "where scikit-learn keeps 20 Newsgroups (default: `~/scikit_learn_data`)",
    "CI": "if set and not 0 or false: gates are required, recording is refused, progress is plain lines; if "
    "it is not set, `BUILD_NUMBER`, `JENKINS_URL`, `TEAMCITY_VERSION`, `TF_BUILD`, `CODEBUILD_BUILD_ID`, "
    "`BITBUCKET_BUILD_NUMBER`, `BUILDKITE`, `GITHUB_ACTIONS` and `GITLAB_CI` say the same",
    "GITHUB_STEP_SUMMARY": "file that `summary.md` is added to",
    "GITHUB_ACTIONS": "gates that did not pass become annotations",
    "TERM": "`dumb`: progress is plain lines",
    "NO_COLOR": "no colours; pytest and rich read it",
    "HYPOTHESIS_PROFILE": "`dev`, `ci`, `thorough`: how long the property tests of this project's evals look",
}
FORMATS = {
    "`evals/variants.toml`": "the ways to ask: [evals/variants.toml](../evals/variants.toml) shows those of a prompt, "
    "[own-technique.md](own-technique.md) keys of examples, JSON, callables and estimators, "
    "[cassettes.md](cassettes.md#recording) `expected_model_version`",
    "`evals/services.toml`": "services to record beside those that are known: [services.md](services.md)",
    "`evals/gates.toml`": "limits: [gates.md](gates.md)",
    "`evals/baselines/<backend>/<corpus>.json`": "reviewed answers: [gates.md](gates.md#baselines)",
    "`cassettes/<backend>/<corpus>/<variant>.jsonl`": "recordings: [cassettes.md](cassettes.md#a-line)",
    "`cassettes/PLANS.toml`": "what they are for: [cassettes.md](cassettes.md#plans-what-the-committed-lines-are-for)",
    "`.newsgauge/results/`": "what a run leaves: [report.md](report.md#formats)",
    "`.newsgauge/tuned.json`, `.newsgauge/tuning/`": "tuned models, losses: [tuning.md](tuning.md#what-it-leaves)",
    "`prices.toml`": "prices with source and date: [report.md](report.md#tokens-and-cost)",
    "the file of `--faults`": "faults of the embedded backend: [endpoint.md](endpoint.md#faults)",
    "a table of your own": "csv, tsv, jsonl, parquet, folders: [own-project.md](own-project.md#what-a-table-needs)",
}
HEAD = """<!-- Made by 'python docs/reference.py' from the code. Do not edit by hand. -->
# Reference

Every option, ini value, fixture and file. The linked pages explain what they are for.
"""


class Options:
    """Stands in for pytest's parser: what a plugin adds, kept in its order."""

    def __init__(self) -> None:
        """Nothing is added yet."""
        self.options: list[argparse.Action] = []
        self.ini: list[tuple[str, str, str]] = []
        self._parser = argparse.ArgumentParser(add_help=False)

    def getgroup(self, name: str, description: str = "") -> Options:
        """All groups are this one."""
        return self

    def addoption(self, *names: str, **settings: Any) -> None:
        """An option of the command line."""
        self.options.append(self._parser.add_argument(*names, **settings))

    def addini(self, name: str, help: str, type: Any = None, default: Any = "") -> None:
        """An ini value."""
        self.ini.append((name, help, str(default)))


def page() -> str:
    """The whole page."""
    from newsgauge.cli.main import make_parser

    added = Options()
    _add_options(added)
    return "\n".join(
        [
            HEAD,
            "## pytest\n",
            "Options of `pytest evals`, in addition to pytest's own. They exist "
            "[if the plugin is loaded](own-project.md#when-the-plugin-is-active).\n",
            *_options_table(added.options),
            "\n### Ini values\n",
            "In `pyproject.toml` under `[tool.pytest]`, or in `pytest.ini`.\n",
            *_table(("name", "default", ""), [(f"`{n}`", f"`{d}`" if d else "", h) for n, h, d in added.ini]),
            "\n### Fixtures\n",
            "Markers for tests in the evals folder. `case` makes one test per planned case, `gate` one per gate.\n",
            *_table(("fixture", "scope", ""), _fixtures()),
            "\n### Markers\n",
            *_table(("marker", ""), _markers()),
            "\n### Exit status\n",
            "pytest's own: 0 green, 1 red, 2 interrupted, 4 a usage error (one line that begins with `newsgauge:`), "
            "5 nothing collected.\n",
            "## newsgauge\n",
            "Exit status: 0 done, 1 something went wrong or was found, 2 a usage error, 130 interrupted.\n",
            *_commands(make_parser()),
            "## Environment\n",
            *_table(("variable", ""), [(f"`{name}`", about) for name, about in ENVIRONMENT.items()]),
            "\n## Files\n",
            *_table(("file", ""), list(FORMATS.items())),
            "",
        ]
    )


def _add_options(added: Options) -> None:
    from newsgauge.pytest_plugin import entry, options

    parser: Any = added
    options.add_options(parser)
    entry.add_ini(parser)


def _options_table(actions: Iterable[argparse.Action]) -> list[str]:
    rows = [
        (_named(action), (action.help or "") % vars(action))
        for action in actions
        if action.help != argparse.SUPPRESS and "--help" not in action.option_strings
    ]
    return _table(("option", ""), rows)


def _named(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
    if action.option_strings and action.nargs != 0:
        values = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
        names = f"{names} {values}"
    elif not action.option_strings and action.choices:
        names = f"[{'|'.join(map(str, action.choices))}]"
    return f"`{names}`"


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    inner = _subcommands(parser)
    assert inner is not None
    about = {action.dest: action.help or "" for action in inner._choices_actions}
    for name, command in inner.choices.items():
        yield f"### newsgauge {name}\n"
        yield f"{_sentence(command.description or about[name])}\n"
        actions = _subcommands(command)
        if actions is None:
            yield from [*_options_table(command._actions), ""]
            continue
        rows = [(f"`{action.dest}`", action.help or "") for action in actions._choices_actions]
        yield from [*_table(("action", ""), rows), ""]
        seen: dict[str, argparse.Action] = {}
        for choice in actions.choices.values():
            seen |= {action.dest: action for action in choice._actions if action.dest not in seen}
        yield from [*_options_table(seen.values()), ""]


def _subcommands(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser] | None:
    return next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)


def _fixtures() -> list[tuple[str, str, str]]:
    from newsgauge import pytest_plugin
    from newsgauge.pytest_plugin import fixtures

    kind = type(fixtures.scores)  # pytest wraps fixtures in a type of its own
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(pytest_plugin.__path__):
        path = Path(pytest_plugin.__path__[0]) / f"{module.name}.py"
        if "@pytest.fixture" in path.read_text("utf-8"):
            loaded = importlib.import_module(f"{pytest_plugin.__name__}.{module.name}")
            holders = [loaded, *(value for value in vars(loaded).values() if isinstance(value, type))]
            found |= {n: v for holder in holders for n, v in vars(holder).items() if isinstance(v, kind)}
    return [
        (f"`{name}`", str(one._fixture_function_marker.scope), _first_line(one.__doc__))
        for name, one in sorted(found.items())
    ]


def _markers() -> list[tuple[str, str]]:
    from newsgauge.pytest_plugin import plugin

    pairs = (marker.partition(": ") for marker in plugin.MARKERS)
    return [(f"`{name}`", about) for name, _, about in pairs]


def _first_line(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split()).replace("``", "`")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return lines + [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]


def main() -> int:
    """Write the page, or compare it; the exit status."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == made:
        return 0
    print(f"{PAGE}: not what the code says; run 'python docs/reference.py'", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
