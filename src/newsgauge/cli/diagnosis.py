"""What is installed and what would work: environment and folders in, facts and abilities out. Opens no connection.

Of keys, projects and credentials it says only whether they are set; of a URL only scheme, host and port.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from .. import __version__
from .._util.files import LFS_ADVICE, is_lfs_pointer, is_writable
from .._util.platform import is_ci
from .._util.pytest_ini import Folders
from .._util.wording import count_of
from ..cassettes.line import case_of
from ..cassettes.store import CassetteFile
from ..client.clients import check_access
from ..client.config_checks import check_config
from ..client.embedded import missing_packages
from ..corpora.twenty_newsgroups import TWENTY, damaged_cache, has_twenty_newsgroups
from ..errors import NewsgaugeError, UsageError
from ..running.plans_file import load_plans
from ..running.run_config import RunConfig, variant_callable
from ..running.run_options import USUAL_CORPUS, default_options, setup_of
from ..scoring.prices import retiring
from ..variants.variants_file import load_variants

_EXTRAS = ("pyarrow", "google-cloud-storage")
_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_SWITCHES = ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")
_CLOUD = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_APPLICATION_CREDENTIALS")
_BASE_URLS = ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL")
_PLANS = "{}/PLANS.toml"
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; ``is_wrong`` if newsgauge cannot work with it."""

    name: str
    text: str
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that a user may want to do; ``why_not`` is empty if it would work."""

    name: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All facts by heading, and the abilities that follow from them."""

    facts: dict[str, list[Fact]]
    abilities: list[Ability]

    @property
    def can_replay(self) -> bool:
        """Whether a run without a key and a network would find what it needs."""
        return any(one.name == "replay" and not one.why_not for one in self.abilities)


def diagnose(folders: Folders, environ: Mapping[str, str] = os.environ) -> Diagnosis:
    """Look at this machine and this project."""
    packages, project = _packages(), _project(folders)
    unsuitable, wrong = _see_above(packages), _see_above([*packages, *project])
    recorded = (folders.cassettes, _PLANS.format(folders.cassettes))
    unready = _see_above([*packages, *(fact for fact in project if fact.name not in recorded)])
    state = _unwritable(folders, ".newsgauge")
    older = (folders.root / ".newsgauge/results/gates.json").exists()  # a verdict that could not be marked as such
    no_results = [f"{one}: pytest {folders.evals} --results DIR" for one in state if older]
    kept = _unwritable(folders, folders.cassettes)
    blocked = [*unready, *kept, *state, *(["CI is set: say --allow-record-in-ci"] if is_ci(environ) else [])]
    damaged = ["damaged: see above"] if damaged_cache() else []
    bucket = [] if _version("google-cloud-storage") else ["google-cloud-storage: pip install 'newsgauge[vertex]'"]
    absent = [] if has_twenty_newsgroups() else ["not on this machine, unless a run can download it"]
    return Diagnosis(
        {
            "installed": packages,
            "environment": _environment(environ),
            "data": [_twenty_newsgroups()],
            f"project {folders.root.resolve()}": project,
        },
        [
            Ability("replay", "; ".join([*wrong, *no_results])),
            Ability("record from the embedded backend", "; ".join([*_embedded(), *blocked])),
            Ability("record from Gemini", "; ".join([*_access("gemini"), *blocked])),
            Ability("record from Vertex", "; ".join([*_access("vertex"), *_credentials(environ), *blocked])),
            Ability("tune on the embedded backend", "; ".join([*_embedded(), *state, *unsuitable])),
            Ability(
                "tune on Vertex",
                "; ".join([*_access("vertex"), *_credentials(environ), *bucket, *state, *unsuitable]),
            ),
            Ability("ask about 20 Newsgroups", "; ".join(damaged or absent)),
        ],
    )


def _see_above(facts: list[Fact]) -> list[str]:
    wrong = [fact.name for fact in facts if fact.is_wrong]
    return [f"{', '.join(wrong)}: see above"] if wrong else []


def _packages() -> list[Fact]:
    from packaging.requirements import Requirement  # pytest needs it too

    facts = [
        Fact("python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
        Fact("newsgauge", __version__),
    ]
    for requirement in (Requirement(line) for line in requires("newsgauge") or ()):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            facts.append(Fact(requirement.name, f"not installed, {requirement.specifier} is needed", is_wrong=True))
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        text = found if fits else f"{found}, and {requirement.specifier} is needed"
        facts.append(Fact(requirement.name, text, is_wrong=not fits))
    facts += [Fact(name, _version(name) or "not installed (an extra)") for name in _EXTRAS]
    if find_spec("aiohttp"):
        text = "the SDK's async client switches to it; newsgauge asks through the sync one"
        facts.append(Fact("aiohttp", f"{_version('aiohttp')}: {text}"))
    return facts


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _environment(environ: Mapping[str, str]) -> list[Fact]:
    keys = [name for name in _KEYS if _is_set(environ, name)]
    facts = [Fact(name, "set" if name in keys else "not set") for name in _KEYS]
    if len(keys) == len(_KEYS):
        facts.append(Fact("both keys", f"{_KEYS[0]} wins"))
    facts += [Fact(name, "set" if _is_set(environ, name) else "not set") for name in _CLOUD]
    facts += [Fact(name, "set, and without effect: --backend decides") for name in _SWITCHES if _is_set(environ, name)]
    facts += [Fact(name, _origin(environ[name])) for name in _BASE_URLS if _is_set(environ, name)]
    proxies = [name for name in _PROXIES if _is_set(environ, name) or _is_set(environ, name.lower())]
    facts.append(Fact("proxies", f"{', '.join(proxies)} set" if proxies else "none set"))
    facts.append(Fact("CI", "set" if _is_set(environ, "CI") else "not set"))
    return facts


def _is_set(environ: Mapping[str, str], name: str) -> bool:
    return bool(environ.get(name))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.scheme and parts.hostname else "set, and no URL"


def _twenty_newsgroups() -> Fact:
    home = os.environ.get("SCIKIT_LEARN_DATA")
    where = "SCIKIT_LEARN_DATA" if home else "scikit-learn's own folder"
    is_there = has_twenty_newsgroups()
    if damaged := damaged_cache():
        return Fact("20 Newsgroups", f"damaged: delete {damaged}, and a run downloads it again if it can", True)
    return Fact("20 Newsgroups", f"in {where}" if is_there else f"not in {where}; a run downloads it where it can")


def _project(folders: Folders) -> list[Fact]:
    evals, cassettes = folders.root / folders.evals, folders.root / folders.cassettes
    facts = []
    try:
        variants = load_variants(evals / "variants.toml")
        for variant in variants.values():
            check_config(variant)
            if variant.predict or variant.estimator:
                variant_callable(variant, (evals.resolve(), folders.root.resolve()))
        facts.append(Fact(f"{folders.evals}/variants.toml", f"{len(variants)} variants: {', '.join(variants)}"))
        models = {name: variant.model for name, variant in variants.items()}
        facts += [Fact("retiring model", note) for note in retiring(models)]
    except UsageError as error:
        facts.append(Fact(f"{folders.evals}/variants.toml", str(error), is_wrong=True))
    has_gates = (evals / "gates.toml").exists()
    facts.append(Fact(f"{folders.evals}/gates.toml", "there" if has_gates else "not there", is_wrong=not has_gates))
    files = sorted(cassettes.glob("*/*/*.jsonl"))
    recorded = Counter(path.parent.relative_to(cassettes).as_posix() for path in files)
    text = ", ".join(f"{name} ({n})" for name, n in recorded.items())
    n_pointers, n_changed = sum(map(is_lfs_pointer, files)), sum(map(_ends_in_crlf, files))
    if n_pointers:
        text += f", of which {n_pointers} {'is' if n_pointers == 1 else 'are each'} {LFS_ADVICE}"
    if n_changed:
        text += f", of which {n_changed} with CRLF line endings that git made on checkout: newsgauge cassettes check"
    wrong = not files or bool(n_pointers)
    facts.append(Fact(folders.cassettes, text or "no cassette: record with --record-mode once", is_wrong=wrong))
    baselines = sorted(
        path.relative_to(evals).as_posix()
        for path in (evals / "baselines").glob("*/*.json")
        if path.name != "confirmations.json"
    )
    facts.append(Fact(f"{folders.evals}/baselines", ", ".join(baselines) or "none: accept one with --update-baseline"))
    facts.append(_corpus(folders))
    has_plans = (folders.root / _PLANS.format(folders.cassettes)).is_file() and not _see_above(facts)
    return [*facts, *_plans(folders)] if has_plans else facts


def _ends_in_crlf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().endswith(b"\r\n")


def _plans(folders: Folders) -> list[Fact]:
    """Whether every case that CI will replay has a line; whether each still fits says a replay."""
    name = _PLANS.format(folders.cassettes)
    try:
        plans = [plan.setup for plan in load_plans(folders) if plan.setup is not None]
        absent = [(setup, lost) for setup in plans if (lost := _absent(setup))]
    except NewsgaugeError as error:
        return [Fact(name, str(error), is_wrong=True)]
    facts = [
        Fact(name, f"{count_of(lost.total(), 'case')} not recorded: {setup.rerecord(','.join(lost))}", is_wrong=True)
        for setup, lost in absent
    ]
    n_cases = sum(len(setup.recorded_cases) for setup in plans)
    return facts or [Fact(name, f"{count_of(n_cases, 'planned case')}, all recorded")]


def _absent(setup: RunConfig) -> Counter[str]:
    """By variant how many cases of the plan no line is recorded of."""
    files = {name: CassetteFile(setup.cassettes / f"{name}.jsonl") for name in setup.variants}
    recorded = {name: set(map(case_of, file.keys())) for name, file in files.items()}
    return Counter(case.variant for case in setup.recorded_cases if case.post.id not in recorded[case.variant])


def _corpus(folders: Folders) -> Fact:
    """The posts that a run without options asks about; 20 Newsgroups is not downloaded for it."""
    try:
        if folders.ini("newsgauge_corpus") == TWENTY and (damaged_cache() or not has_twenty_newsgroups()):
            return Fact("corpus", f"{TWENTY}: see data", is_wrong=True)
        unsaid = dict.fromkeys((*USUAL_CORPUS, "backend"))
        setup = setup_of(default_options(**unsaid), {}, root=folders.root, ini=folders.ini)
    except UsageError as error:
        return Fact("corpus", str(error), is_wrong=True)
    plan = setup.plan
    n_texts = count_of(len(plan.posts), plan.unit)
    return Fact("corpus", f"{setup.corpus.name}: a run asks {n_texts} of {len(plan.labels)} labels")


def _unwritable(folders: Folders, name: str) -> list[str]:
    return [] if is_writable(folders.root / name) else [f"{name} cannot be written here"]


def _access(backend: str) -> list[str]:
    try:
        check_access("gemini" if backend == "gemini" else "vertex")
    except UsageError as error:
        return [str(error).partition(": ")[2].partition(". ")[0]]
    return []


def _credentials(environ: Mapping[str, str]) -> list[str]:
    if _is_set(environ, "GOOGLE_APPLICATION_CREDENTIALS"):
        there = Path(environ["GOOGLE_APPLICATION_CREDENTIALS"]).is_file()
        return [] if there else ["GOOGLE_APPLICATION_CREDENTIALS names no file"]
    home = environ.get("CLOUDSDK_CONFIG") or "~/.config/gcloud"
    if (Path(home).expanduser() / "application_default_credentials.json").is_file():
        return []
    return ["no credentials of Google Cloud: 'gcloud auth application-default login', or a machine that has its own"]


def _embedded() -> list[str]:
    lacking = missing_packages()
    return [f"{', '.join(lacking)}: pip install 'newsgauge[embedded]'"] if lacking else []
