"""The real 20 Newsgroups as scikit-learn keeps it: a split in, `RawPost` records out.

scikit-learn's own loader is asked where its cache file is not there yet, or is not as expected. Where the file is
there it is read here: importing ``sklearn.datasets`` takes 150 MB and a second in each process of a run, the posts take
40 MB. The file is a pickle, and of a pickle nothing is let in but arrays and scikit-learn's dict.
"""

from __future__ import annotations

import os
import pickle
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from .errors import CorpusError
from .records import RawPost, Split

TWENTY = "20newsgroups"
_CACHE_NAME = "20news-bydate_py3.pkz"
_FETCH_HINT = "python -c 'from sklearn.datasets import fetch_20newsgroups as f; f()'"
_ARRAYS = {("numpy._core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "_reconstruct")}
_ALLOWED = _ARRAYS | {("numpy", "ndarray"), ("numpy", "dtype")}


def has_twenty_newsgroups() -> bool:
    """Whether scikit-learn has the real posts on this machine, without asking for a download."""
    return _cache_file().is_file()


def read_twenty_newsgroups(split: Split) -> list[RawPost]:
    """The posts of a split, in scikit-learn's order. Raises `CorpusError` where they are not to be had."""
    try:
        bunch = _Unpickler(BytesIO(zlib.decompress(_cache_file().read_bytes()))).load()[split]
        return _posts(bunch["data"], bunch["target"], bunch["filenames"], bunch["target_names"])
    except Exception:  # absent, cut, another layout: whatever it is, scikit-learn knows better
        return _fetched(split)


def _cache_file() -> Path:
    """Where scikit-learn keeps the corpus: its rule for its data home."""
    return Path(os.environ.get("SCIKIT_LEARN_DATA") or Path("~", "scikit_learn_data")).expanduser() / _CACHE_NAME


class _Bunch(dict[str, Any]):
    """Stands in for ``sklearn.utils.Bunch``, a dict."""

    def __setstate__(self, state: object) -> None:
        """Bunch ignores its state, too."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name == "Bunch" and module.startswith("sklearn.utils"):
            return _Bunch
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a corpus")
        return super().find_class(module, name)


def _fetched(split: Split) -> list[RawPost]:
    from sklearn.datasets import fetch_20newsgroups, get_data_home

    try:
        bunch = fetch_20newsgroups(subset=split, shuffle=False)
    except Exception as error:  # a download can fail in as many ways as a network can
        raise CorpusError(
            f"corpus {TWENTY}: not in {get_data_home()} and not downloadable from here "
            f"({type(error).__name__}: {error}).\nSet SCIKIT_LEARN_DATA to a folder that holds {_CACHE_NAME}, "
            f"or run where there is a network: {_FETCH_HINT}"
        ) from None
    return _posts(bunch.data, bunch.target, bunch.filenames, bunch.target_names)


def _posts(texts: list[str], targets: Any, filenames: Any, names: list[str]) -> list[RawPost]:
    return [
        RawPost(names[target], str(filename).rpartition("/")[2].rpartition("\\")[2], raw)
        for raw, target, filename in zip(texts, targets, filenames, strict=True)
    ]
