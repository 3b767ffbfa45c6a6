"""How much too good the best of several prompts looks, and whether fresh posts take that away. Prints a table.

    SCIKIT_LEARN_DATA=FOLDER python benchmarks/choosing.py

Twelve prompts, each with descriptions and another draw of five training posts per label, are asked about all 3,169 test
posts of eight groups by the embedded base model, so that the truth is known. 500 times (seeds of the draw) the first
posts by rank choose the best prompt, and the next posts by rank, as `newsgauge confirm` draws them, say how good it is.
Status 1 if the fresh posts are off by 0.3 points or more on average, or the choice alone by less than 1.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
import sys
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from gemini_emulator.models.label_scores import LabelScores
from gemini_emulator.reading.prompt_reading import read_prompt_parts
from newsgauge.corpora.corpus import find_corpus
from newsgauge.corpora.preprocessing import clean
from newsgauge.planning.sampling import rank
from newsgauge.planning.training_set import TrainPosts

ROOT = Path(__file__).resolve().parents[1]
CLASSES, EXAMPLES, CHARS, N_FRESH = "^rec|^sci", 5, 500, 400
N_PROMPTS, N_CHOICES = 12, 500


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    ids, right = answers()
    print(f"true accuracies: {', '.join(f'{100 * truth(ids, one):.1f}' for one in right)}")
    print("chosen on  best of  reported, points too high  3 or more  on fresh posts (standard error)")
    missed = False
    for n, k in ((80, 6), (80, 12), (400, 6), (400, 12)):
        reported, fresh = simulate(ids, right[:k], n // len(ids))
        bias, error = statistics.fmean(fresh), statistics.stdev(fresh) / math.sqrt(len(fresh))
        often = sum(one >= 3 for one in reported) / len(reported)
        print(
            f"{n:4} posts  {k:7}  {statistics.fmean(reported):+25.2f}  {often:9.0%}  {bias:+.2f} ({error:.2f})"
            f"  of {N_FRESH} posts"
        )
        missed = missed or abs(bias) >= 0.3 or (n == 80 and statistics.fmean(reported) < 1)
    return 1 if missed else 0


def answers() -> tuple[dict[str, list[str]], list[dict[str, bool]]]:
    """Ids of the posts by label; for each prompt, whether it has each post right."""
    corpus = find_corpus("20newsgroups", bundled=ROOT / "fixtures/bundled")
    test = [post for post in corpus.posts("test") if re.search(CLASSES, post.label)]
    labels = tuple(sorted({post.label for post in test}))
    instruction = tomllib.loads((ROOT / "evals/variants.toml").read_text("utf-8"))["described"]["system_instruction"]
    said = dict(read_prompt_parts(instruction, [("user", "")], labels).descriptions)
    train = TrainPosts(corpus, CLASSES, labels, lambda raw: clean(raw)[:CHARS])
    texts = [clean(post.raw) for post in test]
    right = []
    for seed in range(N_PROMPTS):
        shown = train.draw(EXAMPLES, seed, share_threads=False)
        scores = LabelScores(labels, said, tuple((post.text, post.label) for post in shown))
        found = {}
        for post, text in zip(test, texts, strict=True):
            row = scores.scores(text)
            found[post.id] = scores.labels[row.index(max(row))] == post.label
        right.append(found)
    ids: dict[str, list[str]] = defaultdict(list)
    for post in test:
        ids[post.label].append(post.id)
    return ids, right


def truth(ids: dict[str, list[str]], right: dict[str, bool]) -> float:
    """The accuracy over all posts, each label counting alike, as in a sample with equal numbers."""
    return statistics.fmean(statistics.fmean(right[one] for one in own) for own in ids.values())


def simulate(ids: dict[str, list[str]], right: Sequence[dict[str, bool]], per_label: int) -> tuple[list[float], ...]:
    """Points by which each choice is reported too high: on the posts that chose, and on the next ones."""
    true = [truth(ids, one) for one in right]
    reported: list[float] = []
    fresh: list[float] = []
    for seed in range(N_CHOICES):
        drawn = [sorted(own, key=lambda one: rank(one, seed)) for own in ids.values()]
        first = [one for own in drawn for one in own[:per_label]]
        after = [one for own in drawn for one in own[per_label : per_label + N_FRESH // len(ids)]]
        best = max(range(len(right)), key=lambda k: sum(right[k][one] for one in first))
        for posts, errors in ((first, reported), (after, fresh)):
            errors.append(100 * (statistics.fmean(right[best][one] for one in posts) - true[best]))
    return reported, fresh


if __name__ == "__main__":
    sys.exit(main())
