"""A small project of its own for each test: two groups, four posts each, four variants, recorded once per session."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import subprocess
from pathlib import Path

# pytester runs pytest in this process and afterwards forgets what it imported; compiled modules cannot be imported
# a second time, so they are here before the first run. So is what takes long to import, newsgauge's own modules too.
import google.genai
import httpcore2
import hypothesis
import pytest
import scipy.stats
import sklearn.datasets
import sklearn.feature_extraction.text
import sklearn.linear_model
import tokenizers
import trio
import uvicorn
import vcr

import newsgauge
from tests.quick_python import program

PRELOADED = (google.genai, scipy.stats, sklearn.datasets, sklearn.feature_extraction.text, sklearn.linear_model)
PRELOADED_TOO = (httpcore2, hypothesis, tokenizers, trio, uvicorn, vcr)
for _module in pkgutil.walk_packages(newsgauge.__path__, "newsgauge."):
    importlib.import_module(_module.name)
_BASELINE = Path("evals/baselines/embedded/bundled.json")
ROOT = Path(__file__).resolve().parents[2]

PYPROJECT = """
[tool.pytest]
strict = true
filterwarnings = ["error"]
empty_parameter_set_mark = "fail_at_collect"
addopts = ["-p", "no:cacheprovider", "--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
markers = ["case: a case", "gate: a gate"]
"""
GATES = """
[embedded.bundled.bare]
max_accuracy = { limit = 0.0, reason = "nothing was asked" }
[embedded.bundled.labels]
max_off_list_rate = { limit = 0.0, reason = "the schema forbids it" }
[embedded.bundled.tuned]
min_accuracy = { limit = 0.5, bound = "value", reason = "guessing between two; 8 posts prove little" }
beats = { variant = "bare", by_at_least = 0.1, reason = "it was asked something" }
"""
VARIANTS = """
[bare]
about = "the post alone"
model = "gemini-3.5-flash-lite"
contents = "{post}"
[system]
about = "told to classify"
model = "gemini-3.5-flash-lite"
system_instruction = "Name the newsgroup this mail was posted to."
contents = "{post}"
[labels]
about = "told the labels"
model = "gemini-3.5-flash-lite"
system_instruction = "Name one of {labels}"
contents = "{post}"
answer = "enum"
[tuned]
about = "tuned"
model = "tuned"
contents = "{post}"
tuning = { posts_per_class = 24, epochs = 3, share_threads = true }
"""


def write_project(folder: Path) -> Path:
    (folder / "evals").mkdir(parents=True)
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "bundled").symlink_to(ROOT / "fixtures" / "bundled")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "evals" / "variants.toml").write_text(VARIANTS)
    (folder / "evals" / "gates.toml").write_text(GATES)
    for name in ("test_newsgroups.py", "test_gates.py"):
        shutil.copy(ROOT / "evals" / name, folder / "evals" / name)
    return folder


@pytest.fixture(scope="session")
def recorded_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("recorded") / "project")
    environment = {key: value for key, value in os.environ.items() if key != "CI" and "PYTEST" not in key}
    done = subprocess.run(
        [program("pytest"), "evals", "--record-mode", "once"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def project(pytester: pytest.Pytester, recorded_project: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The current folder is a recorded project, nothing says CI, no key is set."""
    shutil.copytree(recorded_project, pytester.path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.setattr(pytester, "_getpytestargs", lambda: (program("python"), "-mpytest"))
    for name in ("CI", "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
    return pytester


@pytest.fixture
def strict_project(project: pytest.Pytester, baseline: str, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The recorded project with its baseline, in CI."""
    _BASELINE.parent.mkdir(parents=True)
    _BASELINE.write_text(baseline)
    monkeypatch.setenv("CI", "true")
    return project


@pytest.fixture(scope="session")
def baseline(recorded_project: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The baseline of the recorded project."""
    folder = tmp_path_factory.mktemp("baseline") / "project"
    shutil.copytree(recorded_project, folder, symlinks=True)
    environment = {key: value for key, value in os.environ.items() if key != "CI" and "PYTEST" not in key}
    command = [program("pytest"), "evals", "--update-baseline"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / _BASELINE).read_text()
