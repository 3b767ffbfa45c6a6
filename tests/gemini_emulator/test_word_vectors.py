"""The word vectors: the files they come from, the arithmetic written out again, the same bits everywhere."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from gemini_emulator.models import word_vectors
from gemini_emulator.models.word_vectors import ONE, TOKENIZER, WEIGHTS, cosine, embed, folder, unit

TEXT = "The Shuttle reached orbit; the crew of the shuttle is fine. Кислород 42"


@pytest.mark.parametrize(
    ("file", "digest"),
    [
        (WEIGHTS, "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"),
        (TOKENIZER, "bf467c9e0f536bda271283c6ef85eb1a943e3196b621c8a912d64953b205df83"),
    ],
)
def test_the_files_are_those_that_all_numbers_were_measured_with(file: Any, digest: str) -> None:
    assert hashlib.sha256((folder() / file).read_bytes()).hexdigest() == digest


def test_a_vector_is_what_the_description_says_written_out_in_floats() -> None:
    # Each token once, weight 1 + ln(count), unit length; the mean of the text as it is and in lower case.
    table = load_file(folder() / WEIGHTS)["embedding.weight"].astype(np.float64)
    tokenizer = Tokenizer.from_file(str(folder() / TOKENIZER))
    tokenizer.no_padding()

    def once(text: Any) -> Any:
        ids, counts = np.unique(tokenizer.encode(text, add_special_tokens=False).ids, return_counts=True)
        vector = (table[ids] * (1 + np.log(counts))[:, None]).sum(axis=0)
        return vector / np.linalg.norm(vector)

    by_hand = once(TEXT) + once(TEXT.lower())
    by_hand /= np.linalg.norm(by_hand)
    assert embed(TEXT) / ONE == pytest.approx(by_hand, abs=2e-3)  # 256ths of table and weights, no finer


def test_a_unit_vector_has_its_length_and_only_whole_numbers() -> None:
    vector = embed(TEXT)
    assert vector.dtype == np.int64
    assert math.sqrt(sum(int(entry) ** 2 for entry in vector)) == pytest.approx(ONE, rel=1e-5)
    assert unit(np.array([3, -4])).tolist() == [round(0.6 * ONE), -round(0.8 * ONE)]
    assert cosine(vector, vector) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("text", ["", " \n\t", "\ud800", "\0"])
def test_texts_without_words_have_a_vector_too(text: str) -> None:
    assert embed(text).shape == (256,)


def test_only_the_first_6000_characters_count() -> None:
    assert (embed("moon " * 1200) == embed("moon " * 1200 + "engine " * 1000)).all()


PROGRAM = """
import hashlib
from gemini_emulator.models.label_scores import LabelScores
from gemini_emulator.models.tuned_model import Example, train
from gemini_emulator.models.word_vectors import embed
texts = [f"the {w} of {v}, {n}" for n in range(5) for w in ("rocket", "engine", "doctor") for v in ("mars", "rome")]
digest = hashlib.sha256(b"".join(embed(text).tobytes() for text in texts))
shown = tuple((text, "sci.med") for text in texts[:4])
scores = LabelScores(("sci.space", "rec.autos", "sci.med"), {"sci.space": "rockets"}, shown)
digest.update(repr([scores.scores(text) for text in texts]).encode())
model = train([Example(t, t.split()[1]) for t in texts], epochs=3, batch_size=4, learning_rate=0.001)
digest.update(repr(model.probabilities(texts)).encode())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_scores_and_trainings_have_the_same_bits_whatever_threads_and_blas_kernel() -> None:
    found = set()
    for more in ({}, {"OPENBLAS_NUM_THREADS": "2"}, {"OPENBLAS_CORETYPE": "Prescott"}):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **more}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_a_server_that_lacks_the_table_says_so_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    from gemini_emulator.server import EmbeddedServer

    monkeypatch.setattr(word_vectors, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="wordllama"):
        EmbeddedServer()
