"""What CI runs after the README's test command: the evals on every installed Python, the wheel, lint, types, the site.

``nox --list`` shows the sessions. A Python that is not there is skipped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|venv"  # uv installs in seconds what takes pip most of a minute
nox.options.download_python = "never"  # a Python that is not there is skipped, not fetched
nox.options.error_on_missing_interpreters = False
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHERS = [python for python in PYTHONS if python != HERE]
nox.options.sessions = ["here", *[f"evals-{python}" for python in OTHERS], "wheel", "lint", "docs", "changelog"]


def run_evals(session: nox.Session, *options: str) -> None:
    """Replay the evals; red unless every planned gate was decided."""
    session.run("pytest", "evals", *options, env={"CI": "true"}, external=True)
    session.run("newsgauge", "gates", external=True)


@nox.session(python=False)
def here(session: nox.Session) -> None:
    """The evals in the environment of nox; on the real corpus too, where SCIKIT_LEARN_DATA says where it is."""
    run_evals(session)
    if "SCIKIT_LEARN_DATA" in os.environ:
        run_evals(session, "--corpus", "20newsgroups", "-n", "2")


@nox.session(python=PYTHONS)
def evals(session: nox.Session) -> None:
    """The evals with the pinned versions of what newsgauge itself needs, and nothing else."""
    session.install("-q", "-c", "requirements.lock", "-e", ".")
    run_evals(session)


@nox.session(python=PYTHONS, default=False)
def tests(session: nox.Session) -> None:
    """The whole test suite with the pinned versions."""
    session.install("-q", "-c", "requirements.lock", "-e", ".[all]", "--group", "dev")
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session(python=PYTHONS[0], default=False)
def coverage(session: nox.Session) -> None:
    """Which lines and branches the test suite runs, with all processes that it starts; red below the floor."""
    session.install("-q", "-c", "requirements.lock", "-e", ".[all]", "--group", "dev")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "2", *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0], default=False)
@nox.parametrize("versions", ["lowest", "newest"])
def dependencies(session: nox.Session, versions: str) -> None:
    """The evals with the lowest versions that pyproject.toml allows, and with the newest there are."""
    session.install("-q", "uv")
    resolution = "lowest-direct" if versions == "lowest" else "highest"
    session.run("uv", "pip", "install", "-q", "--resolution", resolution, "-e", ".", external=False)
    run_evals(session)


@nox.session(python=PYTHONS[0], default=False)
def litellm(session: nox.Session) -> None:
    """LiteLLM's proxy, in a virtual environment of its own, recorded through and replayed without."""
    session.install("-q", "-c", "requirements.lock", "-e", ".[all]", "--group", "dev")
    own = Path(session.create_tmp()).resolve() / "proxy"
    session.run("python", "-m", "venv", "--clear", str(own))
    session.run(str(own / "bin" / "python"), "-m", "pip", "install", "-q", "litellm[proxy]", external=True)
    found = {"NEWSGAUGE_LITELLM": str(own / "bin" / "litellm")}
    session.run("pytest", "tests/plugin/test_litellm.py", "-rs", env=found)


@nox.session(python=PYTHONS[0], default=False)
def mlflow(session: nox.Session) -> None:
    """``newsgauge export mlflow`` to a real MLflow server of this machine."""
    session.install("-q", "-c", "requirements.lock", "-e", ".[all]", "--group", "dev", "mlflow")
    folder, port = Path(session.create_tmp()), "5000"
    store = ["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "artifacts", "--workers", "1"]
    server = subprocess.Popen(
        [Path(session.bin) / "mlflow", "server", "--host", "127.0.0.1", "--port", port, *store], cwd=folder
    )
    try:
        for _ in range(120):
            time.sleep(1)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port))):
                break
        session.run(
            *("pytest", "tests/cli/test_export_command.py", "-rs"),
            env={"NEWSGAUGE_MLFLOW": f"http://127.0.0.1:{port}"},
        )
    finally:
        server.terminate()
        server.wait()


@nox.session(python=False)
def wheel(session: nox.Session) -> None:
    """The wheel, used outside of the checkout as a new user would."""
    session.run("bash", ".ci/wheel", external=True)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Lint, format and types."""
    session.run("ruff", "check", ".", external=True)
    session.run("ruff", "format", "--check", ".", external=True)
    session.run("mypy", external=True)


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """The site of the docs; a link that leads nowhere or a page outside of the navigation is an error."""
    session.run("python", "-m", "mkdocs", "build", "--strict", "--site-dir", ".newsgauge/site", external=True)


@nox.session(python=False)
def changelog(session: nox.Session) -> None:
    """What the fragments of changelog.d make; with a version they become its section of CHANGELOG.md."""
    version = session.posargs[:1]
    session.run(
        "towncrier", "build", *(["--yes", "--version", *version] if version else ["--draft", "--version", "next"])
    )


@nox.session(python=False, default=False)
def screenshots(session: nox.Session) -> None:
    """Every kind of page in a real browser; red if one does not fit its window or axe-core finds something."""
    session.run("npm", "ci", "--ignore-scripts", "--prefix", ".ci/axe", external=True)
    pages = Path(session.create_tmp()) / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    session.run("python", "docs/screenshots.py", str(pages), *session.posargs, external=True)
