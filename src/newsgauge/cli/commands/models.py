"""``newsgauge models``: which models a backend has, and which of them can be tuned."""

from __future__ import annotations

import argparse
from typing import Any

from ...client.calls import list_models
from ...client.clients import Access, open_client
from ...errors import BackendError
from ..backend_options import add_backend_options, api_version_of, reach_backend

_TUNES = "createTunedModel"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge models``."""
    add_backend_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Print the models; 0."""
    with reach_backend(options.backend, options.base_url) as url:
        client = open_client(Access(options.backend, url, api_version=api_version_of(options)))
        try:
            models = list_models(client)
        finally:
            client.close()
    if not models:
        raise BackendError(
            f"models: {options.base_url or f'the {options.backend} backend'} lists no model, so none can be asked. "
            "Is it the right server, and may this account use it?"
        )
    width = max((len(model.name or "") for model in models), default=0)
    for model in models:
        print(_line(model, width))
    if options.backend == "vertex":
        print("Vertex does not list which models can be tuned: cloud.google.com, 'supervised tuning', names them.")
    else:
        print(f"{sum(_TUNES in (model.supported_actions or ()) for model in models)} of {len(models)} can be tuned (*)")
    return 0


def _line(model: Any, width: int) -> str:
    actions = model.supported_actions or ()
    return f"{'*' if _TUNES in actions else ' '} {model.name or '':<{width}}  {', '.join(actions) or '-'}".rstrip()
