"""Text in, a vector of meaning out: static word embeddings of the wheel ``wordllama``, read as files.

Exact integers from the table to the dot product, so that every machine, thread count and BLAS gives the same bits.
The table (32,000 tokens x 256) was distilled by its authors from the token embeddings of large language models;
docs/endpoint.md names origin and licence. Nothing is downloaded, and ``wordllama`` itself is never imported.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from operator import mul
from pathlib import Path
from typing import Any

WEIGHTS = Path("weights") / "l2_supercat_256.safetensors"
TOKENIZER = Path("tokenizers") / "l2_supercat_tokenizer_config.json"
DIMENSIONS = 256
#: Length of a unit vector: its entries are whole numbers, a dot product of two is at most `ONE` squared.
ONE = 1 << 20
MAX_CHARS = 6_000
_SCALE = 256  # of table and weights: both are whole 256ths


def folder() -> Path:
    """Where the wheel's files lie. Raises `ModuleNotFoundError` if it is not installed."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'wordllama'", name="wordllama")
    return Path(spec.origin).parent


def check_installed() -> None:
    """Raise `ModuleNotFoundError` if the table or its tokenizer is not installed; loads neither."""
    folder()
    if find_spec("tokenizers") is None:
        raise ModuleNotFoundError("No module named 'tokenizers'", name="tokenizers")


def token_counts(text: str) -> Counter[int]:
    """How often each token stands in the first `MAX_CHARS` characters."""
    clean = text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8")  # the tokenizer refuses lone surrogates
    return Counter(_tokenizer().encode(clean, add_special_tokens=False).ids)


def embed(text: str) -> Any:
    """A text's unit vector: that of the text as it is and that of it in lower case, half each.

    int64, `DIMENSIONS` entries; all zero if the text has no token.
    """
    return embed_weighted(text, {})


def embed_weighted(text: str, factors: Mapping[int, float]) -> Any:
    """The same, each token times its factor; 1 for tokens that have none."""
    lower = text.lower()
    vector = _embed_once(text, factors)
    return vector if lower == text else unit(vector + _embed_once(lower, factors))


def unit(vector: Any) -> Any:
    """A vector of whole numbers at length `ONE`, rounded; a zero vector stays zero."""
    entries = vector.tolist()  # Python's whole numbers: squares may pass 64 bits
    length = math.isqrt(sum(map(mul, entries, entries)))
    return vector if length == 0 else (vector * (2 * ONE) + length) // (2 * length)


def cosine(first: Any, second: Any) -> Any:
    """Cosine of two unit vectors, or of each row of the first and the second; exact up to one division."""
    return (first * second).sum(axis=-1) / float(ONE * ONE)


def _embed_once(text: str, factors: Mapping[int, float]) -> Any:
    import numpy as np

    counts = token_counts(text)
    if not counts:
        return np.zeros(DIMENSIONS, dtype=np.int64)
    tokens = list(counts)
    weights = [round(_weight(counts[token]) * factors.get(token, 1.0)) for token in tokens]
    # Whole numbers below 2**53 throughout: floats add them exactly, in any order.
    rows = _table()[tokens].astype(np.float64)
    return unit(np.einsum("i,ij->j", np.array(weights, dtype=np.float64), rows).astype(np.int64))


@cache  # at most `MAX_CHARS` counts
def _weight(count: int) -> float:
    return _SCALE * (1 + math.log(count))


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder() / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@lru_cache(maxsize=1)
def _table() -> Any:
    """The embeddings in whole 256ths: the file is 8 bytes of header length, JSON, raw float16."""
    import numpy as np

    data = (folder() / WEIGHTS).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    shape = json.loads(data[8:start])["embedding.weight"]["shape"]
    halves = np.frombuffer(data, dtype="<f2", offset=start).reshape(shape)
    return np.rint(halves.astype(np.float32) * _SCALE).astype(np.int16)
