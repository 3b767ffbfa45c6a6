"""A tuned model in, bytes out, and back: NumPy's ``.npz`` with pickling forbidden both ways.

What a client sent (words, outputs) is stored as JSON text inside, never as objects.
"""

from __future__ import annotations

import io
import json

from .tuned_model import TunedModel, new_classifier, new_vectorizer


def to_bytes(model: TunedModel) -> bytes:
    """The arrays that predictions need; not the loss curve, which the job keeps."""
    import numpy as np

    vocabulary = model.vectorizer.vocabulary_
    text = json.dumps({"words": sorted(vocabulary, key=vocabulary.__getitem__), "outputs": model.outputs})
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        text=np.frombuffer(text.encode("ascii"), dtype=np.uint8),
        idf=model.vectorizer.idf_,
        coef=model.classifier.coef_,
        intercept=model.classifier.intercept_,
    )
    return buffer.getvalue()


def from_bytes(data: bytes) -> TunedModel:
    """A model that predicts, bit for bit, what the stored one predicted."""
    import numpy as np

    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        text = json.loads(arrays["text"].tobytes())
        vectorizer = new_vectorizer()
        vectorizer.vocabulary_ = {word: column for column, word in enumerate(text["words"])}
        vectorizer.idf_ = arrays["idf"]
        classifier = new_classifier(0.001)
        classifier.coef_, classifier.intercept_ = arrays["coef"], arrays["intercept"]
    classifier.classes_ = np.array(text["outputs"])
    classifier.n_features_in_ = classifier.coef_.shape[1]
    return TunedModel(vectorizer, classifier, ())
