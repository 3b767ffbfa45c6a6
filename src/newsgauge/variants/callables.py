"""Finds, imports and checks a callable that variants.toml names as ``module:name``."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import VariantsError

#: The longest message of somebody else's error that is shown.
_MAX_CHARS = 300


def load_callable(spec: str, folders: Sequence[Path], *, where: str, called: inspect.Signature) -> Callable[..., Any]:
    """The callable. Modules are looked for in ``folders`` first; ``where`` names file and table for messages.

    ``called`` has the parameters it is going to be given; one with a default only if it has that too. Raises
    `VariantsError`: no such module, an error while it is imported, no such name, not callable, a coroutine function,
    another signature.
    """
    module_name, _, name = spec.partition(":")
    for folder in reversed(folders):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))  # stays: the module may import its neighbours later
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise VariantsError(f"{where}: {module_name} cannot be imported: {describe(error)}") from None
        looked = " and ".join(map(str, folders))
        raise VariantsError(
            f"{where}: expected a module {module_name!r}, there is none in {looked} or among what is installed"
        ) from None
    except Exception as error:
        raise VariantsError(f"{where}: {module_name} cannot be imported: {describe(error)}") from None
    if not hasattr(module, name):
        file = getattr(module, "__file__", None) or "built in"
        raise VariantsError(f"{where}: expected {name!r} in module {module_name} ({file}), it has no such name")
    found = getattr(module, name)
    if not callable(found):
        raise VariantsError(f"{where}: expected {spec} to be callable, got {type(found).__name__}")
    if inspect.iscoroutinefunction(found):
        raise VariantsError(
            f"{where}: expected {spec} to be an ordinary function, got a coroutine function (async def)"
        )
    _check_signature(spec, found, where=where, called=called)
    return found  # type: ignore[no-any-return]  # callable, as was just seen


def describe(error: BaseException, *, is_private: Callable[[str], bool] = lambda words: False) -> str:
    """``ValueError: words (my_module.py:12)``: the place is the innermost one of the user's own files.

    Words that are private, as they quote a post, are left out; long ones are cut.
    """
    words = " ".join(str(error).split())
    if is_private(words):
        words = "[a message that quotes the post]"
    words = words if len(words) <= _MAX_CHARS else f"{words[: _MAX_CHARS - 3]}..."
    place = ""
    if isinstance(error, SyntaxError):
        words, place = error.msg, f" ({Path(error.filename or '?').name}:{error.lineno})"
    elif frames := traceback.extract_tb(error.__traceback__):
        own = [frame for frame in frames if not _is_library(frame.filename)] or frames
        place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})"
    return f"{type(error).__name__}{': ' if words else ''}{words}{place}"


def _is_library(filename: str) -> bool:
    """True for a file of an installed package, of Python itself, or of newsgauge."""
    path = Path(filename)
    return (
        filename.startswith("<")
        or "site-packages" in path.parts
        or path.is_relative_to(Path(__file__).parents[1])
        or path.is_relative_to(Path(inspect.__file__).parent)
    )


def _check_signature(spec: str, found: Callable[..., Any], *, where: str, called: inspect.Signature) -> None:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return  # built in, and does not tell: the call will
    parameters = [
        one for one in called.parameters.values() if one.default is one.empty or one.name in signature.parameters
    ]
    called = called.replace(parameters=parameters)
    positional = [None for one in called.parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    by_name = {name: None for name, one in called.parameters.items() if one.kind is one.KEYWORD_ONLY}
    try:
        signature.bind(*positional, **by_name)
    except TypeError as error:
        name = spec.rpartition(":")[2]
        raise VariantsError(
            f"{where}: expected {spec} to be called as {name}{_plain(called)}, got {name}{_plain(signature)}: {error}"
        ) from None


def _plain(signature: inspect.Signature) -> str:
    """The signature without annotations."""
    bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    return str(inspect.Signature(bare))
