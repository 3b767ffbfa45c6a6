"""What typing errors cost models that are not under test, and which limits 80 posts of those prove.

    python benchmarks/typing_errors.py

Two linear models (logistic regression and a linear SVM on TF-IDF), each trained on three draws of 50 posts per class,
name the test posts of `bundled` and of `20newsgroups` (where scikit-learn has it) with and without the disturbance
`typos`. Printed per model: accuracy without and with, the shares of posts gained and lost, and for each limit of
``max_drop_under`` how often 80 posts drawn with these shares pass a live gate, exact to the sum of the trinomial.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from drop_boundaries import drop_boundaries
from numpy.typing import NDArray
from scipy.stats import multinomial
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from newsgauge._util.pytest_ini import Folders
from newsgauge.errors import NewsgaugeError
from newsgauge.running.run_options import default_options, setup_of
from newsgauge.scoring.stats.decisions import difference_finding
from newsgauge.variants.disturbances import typos
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[1]
POSTS, LIMITS = 80, (0.05, 0.10, 0.15, 0.20)


@cache
def boundaries(limit: float) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Those of `drop_boundaries` for `POSTS` posts."""
    return drop_boundaries(difference_finding, POSTS, limit)


def pass_rate(gained: float, lost: float, limit: float) -> float:
    """How often a live gate proves a drop below ``limit`` if each of `POSTS` posts is gained or lost at these rates."""
    most, _ = boundaries(limit)
    passes = [(i, j, POSTS - i - j) for i in range(POSTS + 1) for j in range(most[i] + 1)]
    return float(multinomial.pmf(passes, POSTS, [gained, lost, 1 - gained - lost]).sum())


def main() -> None:
    variants = load_variants(ROOT / "evals/variants.toml")
    print("corpus        draw  model     accuracy    with  gained    lost  " + "  ".join(f"{x:.0%}" for x in LIMITS))
    for corpus in ("bundled", "20newsgroups"):
        try:
            options = default_options(corpus=corpus, posts_per_class="all", variants="tuned")
            setup = setup_of(options, variants, root=ROOT, ini=Folders(ROOT).ini)
        except NewsgaugeError as error:
            print(f"{corpus}: {error}")
            continue
        posts = setup.plan.posts
        labels = np.array([post.label for post in posts])
        for draw in range(3):
            train = setup.train_posts.draw(50, draw)
            vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, stop_words="english")
            rows = vectorizer.fit_transform([post.text for post in train])
            as_it_is = vectorizer.transform([post.text for post in posts])
            disturbed = vectorizer.transform([typos(post.text, post.id, ()) for post in posts])
            for name, model in (("logistic", LogisticRegression(C=10, max_iter=500)), ("SVM", LinearSVC())):
                model.fit(rows, [post.label for post in train])
                before, after = model.predict(as_it_is) == labels, model.predict(disturbed) == labels
                gained, lost = float(np.mean(after & ~before)), float(np.mean(before & ~after))
                passed = "  ".join(f"{pass_rate(gained, lost, limit):.3f}" for limit in LIMITS)
                shares = f"{before.mean():8.3f}  {after.mean():6.3f}  {gained:6.3f}  {lost:6.3f}"
                print(f"{corpus:12}  {draw:4}  {name:8}  {shares}  {passed}", flush=True)


if __name__ == "__main__":
    main()
