"""The real 20 Newsgroups as scikit-learn keeps it, as `RawPost` records.

scikit-learn's own loader is used if its cache file does not exist yet or is not as expected. If the file is
there it is read here: importing ``sklearn.datasets`` takes 150 MB and a second in each process of a run, the posts take
40 MB. The file is a pickle, and nothing of it is let in but scikit-learn's dict and two kinds of array, for which plain
lists stand in.
"""

from __future__ import annotations

import os
import pickle
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from ..records import RawPost, Split

TWENTY = "20newsgroups"
_CACHE_NAME = "20news-bydate_py3.pkz"
_FETCH_HINT = "python -c 'from sklearn.datasets import fetch_20newsgroups as f; f()'"


def has_twenty_newsgroups() -> bool:
    """Whether scikit-learn has the real posts on this machine, without asking for a download."""
    return _cache_file().is_file()


def damaged_cache() -> str:
    """The file of scikit-learn's cache if it is there and damaged, else ''. Reads all of it."""
    try:
        zlib.decompress(_cache_file().read_bytes())
    except FileNotFoundError:
        return ""
    except (OSError, zlib.error):
        return str(_cache_file())
    return ""


def read_twenty_newsgroups() -> dict[Split, list[RawPost]]:
    """The posts of both splits, in scikit-learn's order. Raises `CorpusError` if they are not available."""
    try:
        splits = _Unpickler(BytesIO(zlib.decompress(_cache_file().read_bytes()))).load()
        return {split: _posts(**_parts(splits[split])) for split in ("train", "test")}
    except Exception:  # missing, cut or of another layout: let scikit-learn handle it
        return {split: _posts(**_parts(_fetched(split))) for split in ("train", "test")}


def _cache_file() -> Path:
    """Where scikit-learn keeps the corpus: its rule for its data home."""
    return Path(os.environ.get("SCIKIT_LEARN_DATA") or Path("~", "scikit_learn_data")).expanduser() / _CACHE_NAME


class _Bunch(dict[str, Any]):
    """Stands in for ``sklearn.utils.Bunch``, a dict."""

    def __setstate__(self, state: object) -> None:
        """Bunch ignores its state, too."""


class _Kind:
    """Stands in for ``numpy.dtype``: ``i8`` for numbers of 8 bytes, ``U49`` for texts of 49 characters."""

    def __init__(self, name: str, *rest: object) -> None:
        self._name = name
        self._is_little = False

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self._is_little = state[1] == "<"

    def values(self, raw: bytes) -> list[Any]:
        """The values that the bytes of an array hold. Raises ValueError for any other kind."""
        if not self._is_little:
            raise ValueError("expected little-endian values")
        if self._name == "i8":
            return [value for (value,) in struct.iter_unpack("<q", raw)]
        if not self._name.startswith("U"):
            raise ValueError(f"expected numbers or texts, got {self._name}")
        size = 4 * int(self._name[1:])
        return [raw[start : start + size].decode("utf-32-le").rstrip("\0") for start in range(0, len(raw), size)]


class _Array(list[Any]):
    """Stands in for ``numpy.ndarray``, of one dimension."""

    def __setstate__(self, state: tuple[object, tuple[int], _Kind, bool, bytes]) -> None:
        _, (n,), kind, _, raw = state
        self[:] = kind.values(raw)
        if len(self) != n:
            raise ValueError(f"expected {n} values, got {len(self)}")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name == "Bunch" and module.startswith("sklearn.utils"):
            return _Bunch
        if (module, name) == ("numpy", "dtype"):
            return _Kind
        if (module, name) == ("numpy", "ndarray"):
            return _Array
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return lambda kind, shape, code: _Array()
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a corpus")


def _fetched(split: str) -> Any:
    from sklearn.datasets import fetch_20newsgroups, get_data_home

    try:
        with warnings.catch_warnings():
            # scikit-learn warns before each retry of a download; if warnings were errors, it would never retry.
            warnings.simplefilter("ignore")
            bunch = fetch_20newsgroups(subset=split, shuffle=False)
    except Exception as error:  # a download can fail in as many ways as a network can
        there = f"{_cache_file()} is damaged (delete it)" if _cache_file().exists() else f"not in {get_data_home()}"
        raise CorpusError(
            f"corpus {TWENTY}: {there} and not downloadable from here "
            f"({type(error).__name__}: {error}).\nSet SCIKIT_LEARN_DATA to a folder that holds {_CACHE_NAME}, "
            f"or run where there is a network: {_FETCH_HINT}"
        ) from None
    return bunch


def _parts(bunch: dict[str, Any]) -> dict[str, Any]:
    return {name: bunch[name] for name in ("data", "target", "filenames", "target_names")}


def _posts(*, data: list[str], target: Any, filenames: Any, target_names: list[str]) -> list[RawPost]:
    return [
        RawPost(target_names[number], str(filename).rpartition("/")[2].rpartition("\\")[2], raw)
        for raw, number, filename in zip(data, target, filenames, strict=True)
    ]
