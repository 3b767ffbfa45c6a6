"""How much of an accuracy on 20 Newsgroups comes from headers, subjects, quotes and threads. Prints two tables.

    python benchmarks/corpus_clues.py

Trains the embedded tuned model and a linear SVM on 50 posts of each of the eight rec.* and sci.* groups, and asks both
about all 3,169 test posts, with more or less of each post. Needs scikit-learn's copy of the corpus. Takes two minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from gemini_emulator.models.tuned_model import Example, train
from newsgauge.corpora.corpus import find_corpus
from newsgauge.corpora.preprocessing import clean, clean_body
from newsgauge.planning.training_set import TrainPosts

CLASSES, PER_CLASS, DRAWS = "^rec|^sci", 50, 6
Labelled = Sequence[tuple[str, str]]


def with_headers(raw: str) -> str:
    return re.sub(r"\S+@\S+", "", raw)[:40_000]


def without_subject(raw: str) -> str:
    return clean(raw).partition("\n\n")[2]


def without_quotes_and_footer(raw: str) -> str:
    return clean(raw).partition("\n\n")[0] + "\n\n" + clean_body(raw)


def right_by_tuned(trained: Labelled, test: Labelled) -> list[bool]:
    model = train([Example(*pair) for pair in trained], epochs=2, batch_size=16, learning_rate=0.001)
    found: list[bool] = []
    for at in range(0, len(test), 64):
        part = test[at : at + 64]
        for row, (_, label) in zip(model.probabilities([text for text, _ in part]), part, strict=True):
            found.append(model.outputs[row.index(max(row))] == label)
    return found


def right_by_svm(trained: Labelled, test: Labelled) -> list[bool]:
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC(random_state=0))
    model.fit([text for text, _ in trained], [label for _, label in trained])
    said = model.predict([text for text, _ in test])
    return [label == own for label, (_, own) in zip(said, test, strict=True)]


def main() -> None:
    corpus = find_corpus("20newsgroups", bundled=Path())
    posts = [post for post in corpus.posts("test") if re.search(CLASSES, post.label)]
    labels = tuple(sorted({post.label for post in posts}))

    def drawn(preprocess: Callable[[str], str], seed: int = 0, *, share_threads: bool = True) -> Labelled:
        found = TrainPosts(corpus, CLASSES, labels, preprocess).draw(PER_CLASS, seed, share_threads=share_threads)
        return [(post.text, post.label) for post in found]

    ways: dict[str, Callable[[str], str]] = {
        "clean": clean,
        "with all headers": with_headers,
        "without subject": without_subject,
        "without quotes and footer": without_quotes_and_footer,
        "clean-body": clean_body,
    }
    print(f"{'text':26} {'tuned':>6} {'SVM':>6}")
    for name, preprocess in ways.items():
        trained, test = drawn(preprocess), [(preprocess(post.raw), post.label) for post in posts]
        tuned, svm = right_by_tuned(trained, test), right_by_svm(trained, test)
        print(f"{name:26} {mean(tuned):6.1%} {mean(svm):6.1%}", flush=True)
        if name == "clean":
            of_train = {post.thread for post in corpus.posts("train")} - {None}
            shared = [right for right, post in zip(tuned, posts, strict=True) if post.thread in of_train]
            other = [right for right, post in zip(tuned, posts, strict=True) if post.thread not in of_train]
            print(f"  {len(shared)} posts of threads with train posts {mean(shared):.1%}, others {mean(other):.1%}")
    test = [(clean(post.raw), post.label) for post in posts]
    for share_threads in (True, False):
        rates = [mean(right_by_tuned(drawn(clean, seed, share_threads=share_threads), test)) for seed in range(DRAWS)]
        what = "with" if share_threads else "without"
        print(f"{what} shared threads, draws: {', '.join(f'{rate:.1%}' for rate in rates)}; mean {mean(rates):.1%}")


if __name__ == "__main__":
    main()
