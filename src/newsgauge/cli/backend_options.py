"""How a command reaches a backend: options in, the base URL of a server or None out.

Also the options for the folders of a project.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from .._util.files import locked, why_unwritable
from .._util.pytest_ini import Folders, read_ini
from .._util.wording import did_you_mean
from ..client.clients import Access, check_access, cloud_project, open_client, vertex_base_url
from ..client.embedded import embedded_server, is_loopback
from ..client.retry import RetryPolicy
from ..errors import UsageError
from ..records import BACKENDS, Backend
from ..running.recording_options import add_api_version, chosen_api_version
from ..running.run_config import RunConfig
from ..running.run_options import setup_of
from ..tuning.developer import DeveloperTuning
from ..tuning.jobs import TuningService
from ..tuning.vertex import VertexTuning
from ..variants.variants_file import Variant, load_variants

STATE = Path(".newsgauge") / "embedded"


def recording_lock(root: Path) -> AbstractContextManager[None]:
    """Held by a command while it changes the project's recordings, from the reading of their plans on."""
    waiting = "newsgauge: another recording of this project is under way; waiting for it to end"
    say = partial(print, waiting, file=sys.stderr, flush=True)
    return locked(root / ".newsgauge" / "record.lock", on_wait=say)


def add_backend_options(parser: argparse.ArgumentParser) -> None:
    """``--backend`` and ``--base-url``."""
    parser.add_argument("--backend", choices=BACKENDS, default="embedded", help="service to ask (default: %(default)s)")
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="a server to ask, such as a running 'newsgauge serve' (default: an embedded backend that is started for "
        f"this command, with its state in {STATE}; for gemini and vertex Google's own)",
    )
    add_api_version(parser.add_argument)


def api_version_of(options: argparse.Namespace) -> str | None:
    """``--api-version``, else the ini value ``newsgauge_api_version`` of this folder, else the SDK's own."""
    return chosen_api_version(options.api_version, read_ini(Path.cwd()).get("newsgauge_api_version", ""))


@contextmanager
def reach_backend(backend: Backend, base_url: str | None) -> Iterator[str | None]:
    """The base URL to ask. An embedded backend runs for the duration of the block, one at a time per folder."""
    check_base_url(backend, base_url)
    if backend != "embedded":
        if base_url is None or not is_loopback(base_url):
            check_access(backend)
        yield base_url
        return
    if base_url is not None:
        yield base_url
        return

    waiting = f"newsgauge: another newsgauge command uses {STATE}; waiting for it to end"
    say = partial(print, waiting, file=sys.stderr, flush=True)
    try:
        with locked(STATE / "lock", on_wait=say), embedded_server(STATE) as url:
            yield url
    except OSError as error:
        raise UsageError(f"{STATE}: cannot be used: {why_unwritable(error)}") from None


def check_base_url(backend: Backend, base_url: str | None) -> None:
    """Raise `UsageError` if ``--base-url`` is not a URL, or not one for this backend."""
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise UsageError(f"--base-url: expected http://HOST:PORT, got {base_url!r}")
    if base_url is not None and not is_loopback(base_url) and backend == "embedded":
        raise UsageError(f"--base-url {base_url}: the embedded backend is asked on this machine only; see --backend")


@contextmanager
def open_tuning(options: argparse.Namespace) -> Iterator[TuningService]:
    """The service of the backend that the options name, as long as the block."""
    reach = same_options(options, ("backend", "base_url"))
    with reach_backend(options.backend, options.base_url) as url:
        if options.backend == "embedded":
            assert url is not None
            yield DeveloperTuning(url, reach=reach)
            return

        url = vertex_base_url(url)
        client = open_client(Access("vertex", url, express=False))
        try:
            # A local server that does not listen does not exist; no need to wait for it.
            retry = RetryPolicy(unreachable_deadline_s=2.0) if url and is_loopback(url) else RetryPolicy()
            yield VertexTuning(client, cloud_project(url), url, options.bucket, retry, reach)
        finally:
            client.close()


def same_options(options: argparse.Namespace, names: tuple[str, ...]) -> str:
    """The options that were given, as arguments for another command."""
    usual = {"backend": "embedded", "preprocessing": "clean", "variant": "tuned", "root": "."}
    given = {name: getattr(options, name) for name in names}
    return "".join(
        f" --{name.replace('_', '-')} {shlex.quote(str(value))}"
        for name, value in given.items()
        if value not in (None, "", usual.get(name))
    )


def bucket_option(options: argparse.Namespace) -> str:
    """What a command that starts a job on Vertex needs besides; '' on another backend."""
    given = getattr(options, "bucket", None) or "gs://BUCKET"
    return f" --bucket {shlex.quote(given)}" if options.backend == "vertex" else ""


def add_folder_options(parser: argparse._ActionsContainer, *, cassettes: bool = False) -> None:
    """``--root`` and what is in it; ``cassettes`` too if no other option says where they are."""
    parser.add_argument("--root", default=".", metavar="DIR", help="folder of the project (default: this folder)")
    add_evals_option(parser, "its evals")
    if cassettes:
        usual = "default: the ini value newsgauge_cassettes, cassettes"
        parser.add_argument("--cassettes", default="", metavar="DIR", help=f"its recordings ({usual})")
    usual = "default: the ini value newsgauge_bundled, fixtures/bundled"
    parser.add_argument("--bundled", default="", metavar="DIR", help=f"its bundled corpus ({usual})")


def add_evals_option(parser: argparse._ActionsContainer, what: str) -> None:
    """``--evals``; ``what`` the folder holds."""
    usual = "default: the ini value newsgauge_evals, evals"
    parser.add_argument("--evals", default="", metavar="DIR", help=f"{what} ({usual})")


def folders_of(options: argparse.Namespace) -> Folders:
    """The folders that the options name."""
    cassettes = os.path.normpath(options.cassettes) if options.cassettes else ""
    return Folders(Path(options.root), options.evals, cassettes, options.bundled)


def load_project(
    options: argparse.Namespace, names: Sequence[str] = ()
) -> tuple[Folders, dict[str, Variant], RunConfig]:
    """Folders, all variants, and the setup of the options' plan; with ``names``, for these variants. `UsageError`."""
    folders = Folders(Path(options.root).resolve(), options.evals, bundled=options.bundled)
    variants = load_variants(folders.root / folders.evals / "variants.toml")
    if unknown := [name for name in names if name not in variants]:
        known = f"{', '.join(variants)}{did_you_mean(unknown[0], variants)}"
        raise UsageError(f"{options.command}: unknown variant {unknown[0]!r}; known: {known}")
    if names:
        options.variants = ",".join(names)
    return folders, variants, setup_of(options, variants, root=folders.root, ini=folders.ini)
