"""Every figure of docs/statistics.md, computed anew: `python benchmarks/statistics_page.py [SECTION ...]`.

Truths are enumerated or drawn with SciPy and NumPy; decisions and intervals are newsgauge's. Without a section all of
them are printed, which takes hours; `drops --runs 8` looks at every eighth number of posts. `threads` needs the 20
Newsgroups (SCIKIT_LEARN_DATA). `benchmarks/standardised.py` prints the figures of the data's own mix.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from drop_boundaries import drop_boundaries
from scipy import stats

from newsgauge.scoring.stats.classification import ConfusionMatrix, macro_f1
from newsgauge.scoring.stats.decisions import Finding, decide_floor, difference_finding
from newsgauge.scoring.stats.intervals import (
    clustered_interval,
    effective_posts,
    exact_interval,
    exact_lower_bound,
    exact_upper_bound,
    scaled_count,
    threaded,
    wilson_interval,
)
from newsgauge.scoring.stats.paired import mcnemar_exact, paired_interval, score_statistic
from newsgauge.scoring.stats.power import (
    correct_answers_needed,
    fewest_flips,
    fewest_posts_for_floor,
    fewest_posts_for_margin,
    margin_power,
    posts_for_difference,
    posts_for_margin,
)
from newsgauge.scoring.stats.standardised import FEWEST_POSTS_PER_CLASS, macro_f1_bounds

finding = lru_cache(1 << 20)(difference_finding)


def intervals(_: int) -> None:
    """Exact coverage at nominal 95%."""
    wald = [k for k in range(17) if abs(k / 16 - 0.95) <= 1.96 * math.sqrt(k * (16 - k) / 16**3)]
    print(f"Wald, n = 16, p = .95: {stats.binom.pmf(wald, 16, 0.95).sum():.0%}")
    for name, interval in (("Wilson", wilson_interval), ("Clopper-Pearson", exact_interval)):
        cells = {}
        for n in range(16, 401):
            bounds = np.array([interval(k, n) for k in range(n + 1)])
            for p in (i / 20 for i in range(1, 20)):
                hit = (bounds[:, 0] <= p) & (p <= bounds[:, 1])
                cells[n, p] = float(stats.binom.pmf(np.arange(n + 1), n, p)[hit].sum())
        least = min(cells, key=cells.__getitem__)
        below = np.mean([one < 0.94 for one in cells.values()])
        mean = np.mean(list(cells.values()))
        print(f"{name}: mean {mean:.1%}, least {cells[least]:.1%} at n, p = {least}, below 94%: {below:.1%}")
    for n in (16, 32, 80):
        outcomes = [(g, lost) for g in range(n + 1) for lost in range(n + 1 - g)]
        bounds = np.array([paired_interval(g, lost, n) for g, lost in outcomes])
        counts = np.array([(g, lost, n - g - lost) for g, lost in outcomes])
        least_paired = 1.0
        for flipped, truth in product((0.05, 0.1, 0.15, 0.2, 0.3), (0.0, 0.05, 0.1, 0.2)):
            if truth <= flipped:
                gain, loss = (flipped + truth) / 2, (flipped - truth) / 2
                chance = stats.multinomial(n, [gain, loss, 1 - flipped]).pmf(counts)
                hit = (bounds[:, 0] <= truth + 1e-12) & (bounds[:, 1] >= truth - 1e-12)
                least_paired = min(least_paired, float(chance[hit].sum()))
        print(f"Tango, n = {n}: at least {least_paired:.1%}")


def _spread(accuracies: Iterable[float], off_list: float = 0.0) -> Any:
    """Rows of probabilities: right, the other labels alike, off the list."""
    right = np.array(list(accuracies))
    k = len(right)
    rows = np.zeros((k, k + 2))
    rows[:, :k] = np.maximum(0.0, (1 - right - off_list) / (k - 1))[:, None]
    rows[np.arange(k), np.arange(k)] = right
    rows[:, k] = off_list
    return rows / rows.sum(axis=1, keepdims=True)


def _into_one(k: int, right: float) -> Any:
    """Rows of k classes whose errors all name the first; those of the first name the second."""
    rows = np.eye(k, k + 2) * right
    rows[1:, 0] = rows[0, 1] = 1 - right
    return rows


MODELS = {
    "50% right": _spread([0.5] * 8),
    "80% right": _spread([0.8] * 8),
    "90% right": _spread([0.9] * 8),
    "95% right": _spread([0.95] * 8),
    "off the list": _spread([0.8] * 8, 0.2),
    "unequal classes": _spread(np.linspace(0.6, 1.0, 8)),
    "two classes": _spread([0.7] * 2),
    "twenty classes": _spread([0.85] * 20),
    "one class nearly always missed": _spread([0.05, *[0.9] * 7]),
    "one class never right": _spread([0.0, *[0.97] * 7]),
    "two classes, one never right": _spread([0.0, 0.8]),
    "twenty classes, 60% right": _spread([0.6] * 20),
    "sixteen classes, errors in one": _into_one(16, 0.4),
}


def macro_f1_limits(runs: int) -> None:
    """How often a limit just above the truth passes, and one just below fails."""
    for n in (2, 5, 6, 10, 20):
        for name, rows in MODELS.items():
            k, rng, wrong = len(rows), np.random.default_rng(n), [0, 0]
            truth = float(np.mean(2 * np.diag(rows[:, :k]) / (1 + rows[:, :k].sum(axis=0))))
            for _ in range(runs):
                cells = (tuple(map(int, rng.multinomial(n, row))) for row in rows)
                matrix = ConfusionMatrix(tuple(map(str, range(k))), tuple(cells))
                low, high = macro_f1_bounds(matrix)
                wrong[0] += n >= FEWEST_POSTS_PER_CLASS and low > truth + 1e-9
                wrong[1] += n >= FEWEST_POSTS_PER_CLASS and high < truth - 1e-9
            print(
                f"{n:3} posts per class, {name:30}: PASS {wrong[0] / runs:6.1%}  FAIL {wrong[1] / runs:6.1%}",
                flush=True,
            )


def clusters(runs: int) -> None:
    """Coverage of the clustered interval at nominal 95%, and of the naive one: beta-binomial threads."""
    rng = np.random.default_rng(17)
    kinds: dict[str, Callable[[], Any]] = {
        "6 threads of 8": lambda: np.full(6, 8),
        "30 small threads": lambda: rng.choice([1, 1, 1, 2, 3, 8], 30),
        "160 threads": lambda: rng.choice([1, 1, 1, 1, 2, 2, 3, 5, 9], 160),
        "60 threads of 1 to 20": lambda: rng.integers(1, 21, 60),
    }
    for (kind, sizes_of), correlation, rate in product(
        kinds.items(), (0.0, 0.3, 0.6, 1.0), (0.5, 0.8, 0.9, 0.95, 0.98)
    ):
        if (correlation == 1.0 or rate == 0.98) and not kind.startswith("60"):
            continue
        hits = [0, 0]
        for _ in range(runs):
            sizes = sizes_of()
            rates = np.full(len(sizes), rate)
            if correlation == 1.0:
                rates = (rng.random(len(sizes)) < rate).astype(float)
            elif correlation:
                size = (1 - correlation) / correlation
                rates = rng.beta(rate * size, (1 - rate) * size, len(sizes))
            right = rng.binomial(sizes, rates)
            answers = [i < k for k, size in zip(right, sizes, strict=True) for i in range(size)]
            threads = np.repeat(np.arange(len(sizes)), sizes).tolist()
            for place, (low, high) in enumerate(
                (clustered_interval(answers, threads), wilson_interval(sum(answers), len(answers)))
            ):
                hits[place] += low <= rate <= high
        print(
            f"{kind}, correlation {correlation}, {rate:.0%} right: {hits[0] / runs:.1%}, naive {hits[1] / runs:.1%}",
            flush=True,
        )


@lru_cache(2)
def _real_answers(*, other: bool = False) -> tuple[dict[str, Any], list[Any], Any, dict[str, Any]]:
    """Whether each of six models has each of the 3,169 test posts right, and the posts of each thread (by subject).

    Then the class of each post, and of each answer. ``other``: models of other kinds, of more and of fewer posts.
    """
    from sklearn.datasets import fetch_20newsgroups
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB, MultinomialNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    train, test = (fetch_20newsgroups(subset=part) for part in ("train", "test"))
    wanted = [number for number, name in enumerate(train.target_names) if re.search("^rec|^sci", name)]
    asked: list[int] = np.flatnonzero(np.isin(test.target, wanted)).tolist()

    def text(raw: str) -> str:
        head, _, body = raw.partition("\n\n")
        subject = re.search(r"^Subject:(.*)$", head, re.M)
        return f"{subject[1] if subject else ''}\n\n{body}"

    def thread(raw: str, number: int) -> str:
        subject = re.search(r"^Subject:(.*)$", raw.partition("\n\n")[0], re.M)
        bare = re.sub(r"^(\s*(re|fwd?)\s*:)+", "", subject[1].casefold()).strip() if subject else ""
        return bare or f"post {number}"

    texts = [text(test.data[i]) for i in asked]
    subjects = [thread(test.data[i], i) for i in asked]
    right, said, true = {}, {}, np.searchsorted(wanted, test.target[asked])
    usual = {
        "logistic regression": LogisticRegression(C=10, max_iter=1000),
        "linear SVM": LinearSVC(),
        "naive Bayes": MultinomialNB(alpha=0.01),
    }
    others = {
        "complement naive Bayes": ComplementNB(),
        "nearest neighbours": KNeighborsClassifier(),
        "decision tree": DecisionTreeClassifier(random_state=0),
    }
    for draw in range(2):
        rng, n_each = np.random.default_rng(draw), (30, 200)[draw] if other else 50
        drawn = [rng.choice(np.flatnonzero(train.target == one), n_each, replace=False) for one in wanted]
        learnt = np.concatenate(drawn)
        vectorizer = TfidfVectorizer(sublinear_tf=True)
        known = vectorizer.fit_transform([text(train.data[i]) for i in learnt])
        for name, model in (others if other else usual).items():
            model.fit(known, train.target[learnt])
            answers = np.searchsorted(wanted, model.predict(vectorizer.transform(texts)))
            said[f"{name}, draw {draw}"], right[f"{name}, draw {draw}"] = answers, answers == true
    members = [np.flatnonzero(np.array(subjects) == one) for one in sorted(set(subjects))]
    return right, members, true, said


def floors(runs: int) -> None:
    """Wrong PASS and FAIL of floors of accuracy and macro-F1 on the real threads; PASS of a floor 5 points lower."""
    _floors(runs, *_real_answers())


def other_floors(runs: int) -> None:
    """The same of other models, and of one that is right but for the three longest threads."""
    right, members, true, said = _real_answers(other=True)
    _floors(runs, right, members, true, said)
    longest = np.concatenate(sorted(members, key=len)[-3:])
    wrong = true.copy()
    wrong[longest] = (true[longest] + 1) % 8
    print("right but for the three longest threads:")
    _floors(runs, {"one": wrong == true}, members, true, {"one": wrong})


def _floors(runs: int, right: dict[str, Any], members: list[Any], true: Any, said: dict[str, Any]) -> None:
    for n_threads in (60, 150, 500, len(members)):
        found = {name: np.zeros(10) for name in right}
        for name, answers in right.items():
            rate, rng = float(answers.mean()), np.random.default_rng(n_threads)
            score = macro_f1(_confusion(true, said[name]))
            for run in range(runs):
                drawn = [members[one] for one in rng.integers(0, len(members), n_threads)]
                place = np.repeat(np.arange(n_threads), [len(one) for one in drawn]).tolist()
                posts = np.concatenate(drawn)
                seen = answers[posts].tolist()
                n, how = len(seen), threaded(seen, place)
                for start, worth, more in ((0, n, 1.0), (3, *how)):
                    counts = scaled_count(sum(seen), n, worth), worth
                    low, high = (bound(*counts, one_more=more) for bound in (exact_lower_bound, exact_upper_bound))
                    found[name][start : start + 3] += [low > rate + 1e-9, high < rate - 1e-9, low >= rate - 0.05]
                if run % 4 == 0:
                    matrix, share = _confusion(true[posts], said[name][posts]), how.effective_n / n
                    for start, own in ((6, 1.0), (8, share)):
                        low, high = macro_f1_bounds(matrix, effective_share=own)
                        found[name][start : start + 2] += [4 * (low > score + 1e-9), 4 * (high < score - 1e-9)]
        for start, what in ((0, "threads ignored"), (3, "counted"), (6, "macro-F1, ignored"), (8, "macro-F1, counted")):
            shares = np.array([one[start : start + (3 if start < 6 else 2)] for one in found.values()]) / runs
            words = zip(("PASS", "FAIL", "PASS of 5 points less"), shares.T, strict=False)
            print(
                f"{n_threads:5} threads, {what}: "
                + ", ".join(f"{word} {of.min():.1%} to {of.max():.1%}" for word, of in words),
                flush=True,
            )


def _confusion(true: Any, said: Any) -> ConfusionMatrix:
    counts = np.zeros((8, 10), int)
    np.add.at(counts, (true, said), 1)
    return ConfusionMatrix(tuple("abcdefgh"), tuple(tuple(map(int, row)) for row in counts))


def threads(runs: int) -> None:
    """False findings of paired tests on the real threads, ignored and counted; nominal 5%."""
    right, members, *_ = _real_answers()
    of = np.concatenate([np.full(len(own), number) for number, own in enumerate(members)])
    order = np.concatenate(members)
    for name, answers in right.items():
        effect = len(of) / effective_posts(answers[order].tolist(), of.tolist())
        print(f"{name}: {answers.mean():.1%} right, design effect {effect:.2f}")
    names = list(right)
    pairs = [
        (names[0], names[3]),
        (names[1], names[4]),
        (names[2], names[5]),
        (names[1], names[2]),
        (names[0], names[1]),
    ]
    for n_threads, (first, second) in product((150, 500, len(members)), pairs):
        changes, rng = right[first].astype(int) - right[second].astype(int), np.random.default_rng(n_threads)
        limit, found = round(float(changes.mean()), 6), np.zeros(6)
        for _ in range(runs):
            drawn = [members[one] for one in rng.integers(0, len(members), n_threads)]
            place = np.repeat(np.arange(n_threads), [len(one) for one in drawn])
            seen = changes[np.concatenate(drawn)]
            signed = seen * rng.choice([-1, 1], n_threads)[place]
            for start, share in ((0, 1.0), (3, None)):
                of_signed, of_seen = (
                    share or effective_posts(one.tolist(), place.tolist()) / len(one) for one in (signed, seen)
                )
                gained, lost = (float((signed == sign).sum()) * of_signed for sign in (1, -1))
                found[start] += mcnemar_exact(gained, lost) <= 0.05
                gained, lost = (round(float((seen == sign).sum()) * of_seen, 6) for sign in (1, -1))
                said = finding(gained, lost, round(len(seen) * of_seen, 6), limit)
                found[start + 1 : start + 3] += [said is Finding.PASS, said is Finding.FAIL]
        effect = len(of) / effective_posts(changes[order].tolist(), of.tolist())
        shares = "  ".join(f"{one / runs:4.0%}" for one in found)
        print(
            f"{n_threads:5} threads, {first} - {second} (design effect {effect:.1f}): "
            f"McNemar, PASS and FAIL at the limit; threads ignored, then counted: {shares}",
            flush=True,
        )


def drops(step: int) -> None:
    """Wrong findings of the regression gate and of the score test, by enumeration of every outcome."""
    z = stats.norm.ppf(0.95)

    def by_score(gained: int, lost: int, n: int, limit: float) -> Finding:
        score = score_statistic(gained, lost, n, limit)
        return Finding.PASS if score >= z else Finding.FAIL if score <= -z else Finding.INCONCLUSIVE

    for name, decide in (("score test", by_score), ("gate", finding)):
        worst = {"PASS at the limit": (0.0, 0), "FAIL at the limit": (0.0, 0), "FAIL, nothing changed": (0.0, 0)}
        for n, margin in product(range(16, 321, step), (0.01, 0.02, 0.05, 0.1)):
            most, fewest = drop_boundaries(decide, n, margin)
            gained_all = np.arange(len(most))
            for flipped in np.unique([margin, margin * 1.02, margin * 1.2, *np.linspace(margin, 0.4, 40)]):
                for drop in (margin, 0.0):
                    gain, loss = (flipped - drop) / 2, (flipped + drop) / 2
                    weight = stats.binom.pmf(gained_all, n, gain)
                    left = n - gained_all
                    passed = float((weight * stats.binom.cdf(most, left, loss / (1 - gain))).sum())
                    failed = float((weight * stats.binom.sf(fewest - 1, left, loss / (1 - gain))).sum())
                    if drop:
                        worst["PASS at the limit"] = max(worst["PASS at the limit"], (passed, n))
                        worst["FAIL at the limit"] = max(worst["FAIL at the limit"], (failed, n))
                    else:
                        worst["FAIL, nothing changed"] = max(worst["FAIL, nothing changed"], (failed, n))
        print(f"{name}: " + ", ".join(f"{what} {rate:.2%} (n = {n})" for what, (rate, n) in worst.items()), flush=True)


def plans(_: int) -> None:
    """What an n can decide; how many posts it takes; looking again and again."""
    for n in (16, 32, 80, 160, 400, 800):
        needed = correct_answers_needed(n, 0.8)
        missed = stats.binom.cdf(math.ceil(0.85 * n) - 1, n, 0.9)
        print(
            f"n = {n}: {needed} right prove 80%, {(needed or 0) / n:.1%}; 90% right misses 85% by chance {missed:.1%}"
        )
    for difference, flipped in ((0.02, 0.05), (0.05, 0.1), (0.1, 0.15), (0.2, 0.25), (0.5, 0.55)):
        print(f"{difference:.0%} at {flipped:.0%} flipped: {posts_for_difference(difference, flipped)}")
    print("floors of 80, 85, 90, 95%:", [fewest_posts_for_floor(one) for one in (0.8, 0.85, 0.9, 0.95)])
    print("drops of 10, 5, 2, 1 points:", [fewest_posts_for_margin(one) for one in (0.1, 0.05, 0.02, 0.01)])
    print("flips all one way, one-sided and two-sided:", fewest_flips(), fewest_flips(two_sided=True))
    print(f"a bad model passes one of five runs: {1 - 0.95**5:.0%}")
    looks, alive, wrong, before = (80, 160, 320, 640, 1280), {0: 1.0}, 0.0, 0
    for n in looks:
        reached: dict[int, float] = {}
        more = stats.binom.pmf(np.arange(n - before + 1), n - before, 0.75)
        for right, chance in alive.items():
            for gained, p in enumerate(more):
                reached[right + gained] = reached.get(right + gained, 0.0) + chance * p
        found = {right: decide_floor(right, n, 0.75).finding for right in reached}
        wrong += sum(chance for right, chance in reached.items() if found[right] is Finding.PASS)
        alive = {right: chance for right, chance in reached.items() if found[right] is Finding.INCONCLUSIVE}
        before = n
        print(f"at a floor of 75%, looked at up to {n} posts: wrong PASS {wrong:.1%}")
    seen = []
    for gained, lost in product(range(20), repeat=2):
        score = score_statistic(gained, lost, 80, -0.05)
        if finding(gained, lost, 80, -0.05) is Finding.INCONCLUSIVE and abs(score) > 1e-9:
            chance = stats.multinomial.pmf([gained, lost, 80 - gained - lost], 80, [0.025, 0.025, 0.95])
            seen.append((max(81, math.ceil(80 * (2.4865 / score) ** 2)), chance))
    seen.sort()
    shares = np.cumsum([chance for _, chance in seen]) / sum(chance for _, chance in seen)
    tenths = [seen[int(np.searchsorted(shares, share))][0] for share in (0.1, 0.5, 0.9)]
    print(f"posts for max_drop = 0.05 if the drop seen on 80 posts were true, 5% flip: 10, 50, 90% of runs {tenths}")
    planned = posts_for_margin(0.05, 0.05)
    print(f"if nothing changed: {planned}; 160 posts pass with {margin_power(160, 0.05, 0.05):.0%}")
    short = []
    for margin, flipped in product((0.02, 0.05, 0.1), (0.005, 0.01, 0.02, 0.05, 0.1)):
        n = posts_for_margin(margin, flipped) or 0
        if n > 1_000:
            continue
        each = n * flipped / 2
        most = range(int(each + 6 * math.sqrt(each + 1)) + 1)
        exact = sum(
            stats.multinomial.pmf([gained, lost, n - gained - lost], n, [flipped / 2, flipped / 2, 1 - flipped])
            for gained, lost in product(most, repeat=2)
            if gained + lost <= n and finding(gained, lost, n, -margin) is Finding.PASS
        )
        short.append((margin_power(n, margin, flipped) - exact, exact, margin, flipped, n))
    lower, least = max(short)[0], min(exact for _, exact, *_ in short)
    print(f"planned with 80%: at most {lower:.1%} lower by the exact test, the least is {least:.1%}")


#: Section -> what prints it, and how many runs, or which step.
SECTIONS: dict[str, tuple[Callable[[int], None], int]] = {
    "intervals": (intervals, 0),
    "macro-f1": (macro_f1_limits, 2_000),
    "clusters": (clusters, 1_500),
    "floors": (floors, 1_000),
    "other-floors": (other_floors, 1_000),
    "threads": (threads, 200),
    "drops": (drops, 1),
    "plans": (plans, 0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--runs", type=int, help="runs of a simulation; of drops: the step from one n to the next")
    options = parser.parse_args()
    for name in options.sections or SECTIONS:
        print(f"-- {name}")
        run, usual = SECTIONS[name]
        run(options.runs or usual)


if __name__ == "__main__":
    main()
