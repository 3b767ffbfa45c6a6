"""How often `newsgauge bisect` finds a planted line, and how often it blames a line that does nothing.

    SCIKIT_LEARN_DATA=FOLDER python benchmarks/bisect_rates.py [--runs 100]

The prompt describes eight newsgroups in a line each, the embedded base model answers, the posts are real. Planted: all
eight lines are rewritten, seven of them harmlessly and one so that it describes something else. A/A: all eight are
rewritten harmlessly. 2% of answers are replaced by a random label, as a live model's vary, drawn anew for each version
of the prompt. Each run has a draw and noise of its own. Status 1 if the planted line is blamed in fewer than 95% of
runs, or any line in more than 5% of A/A runs.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from gemini_emulator.models.label_scores import LabelScores
from gemini_emulator.reading.prompt_reading import read_prompt_parts
from newsgauge.choosing.bisecting import Bisection, Chosen, bisection_lines, judge, parts_of, search
from newsgauge.corpora.corpus import find_corpus
from newsgauge.corpora.preprocessing import clean
from newsgauge.planning.sampling import rank
from newsgauge.records import Post
from newsgauge.variants.variants_file import Variant

ROOT = Path(__file__).resolve().parents[1]
CLASSES, N_SAMPLE, N_FRESH, NOISE = "^rec|^sci", 800, 800, 0.02
HARMFUL = "gardening, cooking, furniture and the weather"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of each kind (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show the finding of each run")
    options = parser.parse_args()
    runs = options.runs
    corpus = find_corpus("20newsgroups", bundled=ROOT / "fixtures/bundled")
    posts = [Post(raw.id, raw.label, clean(raw.raw)) for raw in corpus.posts("test") if re.search(CLASSES, raw.label)]
    labels = tuple(sorted({post.label for post in posts}))
    text = tomllib.loads((ROOT / "evals/variants.toml").read_text("utf-8"))["described"]["system_instruction"]
    lines = [line for line in text.splitlines() if line.removeprefix("- ").partition(":")[0] in labels]
    head, tail = text.splitlines()[0], text.splitlines()[-1]
    model = Model(posts, labels)
    found, n_alone = {"planted": 0, "A/A": 0}, 0
    for run in range(runs):
        for kind in found:
            planted = run % len(lines) if kind == "planted" else None
            old = "\n".join([head, *lines, tail])
            new = "\n".join([head, *(rewritten(line, at == planted) for at, line in enumerate(lines)), tail])
            outcome = model.bisect(old, new, run)
            blamed = [part for effect in outcome.effects if effect.is_blamed for part in effect.parts]
            wanted = [] if planted is None else [f"line {planted + 2} "]
            if options.verbose:
                print(f"{run} {kind} {wanted}", *bisection_lines(outcome), sep="\n  ")
            is_found = all(any(part.startswith(line) for part in blamed) for line in wanted)
            found[kind] += is_found if wanted else not blamed
            n_alone += bool(wanted) and is_found and len(blamed) == 1
    print(f"planted line blamed: {found['planted']} of {runs} runs, in {n_alone} of them no other")
    print(f"A/A, no line blamed: {found['A/A']} of {runs} runs")
    return 0 if min(found.values()) >= 0.95 * runs else 1


def rewritten(line: str, harmful: bool) -> str:
    """The same words in another order, or words that have nothing to do with the group."""
    label, _, said = line.partition(": ")
    words = said.split(", ")
    return f"{label}: {HARMFUL if harmful else ', '.join([*words[1:], words[0]])}"


class Model:
    """Answers of the embedded base model to posts under a prompt, computed once, with noise by run."""

    def __init__(self, posts: Sequence[Post], labels: tuple[str, ...]) -> None:
        self.posts, self.labels = posts, labels
        self.scores = cache(self._scores)
        self.answer = cache(self._answer)
        self.descriptions = cache(self._descriptions)

    def bisect(self, old: str, new: str, seed: int) -> Bisection:
        """One run: the first posts of a draw are the sample, the next ones are fresh."""
        change = parts_of(*(Variant("described", "", "model", "{post}", text, "enum") for text in (old, new)))
        drawn = sorted(self.posts, key=lambda post: rank(post.id, seed))
        sample, fresh = drawn[:N_SAMPLE], drawn[N_SAMPLE : N_SAMPLE + N_FRESH]

        def ask(chosen: Chosen, posts: Sequence[Post]) -> Mapping[str, str]:
            prompt = change.apply(chosen, "described").system_instruction or ""
            said = {}
            for post in posts:
                noise = random.Random(f"{seed} {sorted(chosen)} {post.id}")
                said[post.id] = noise.choice(self.labels) if noise.random() < NOISE else self.answer(prompt, post)
            return said

        first, groups = search(len(change.parts), sample, ask)
        return judge(change.parts, first, groups, fresh, ask)

    def _descriptions(self, prompt: str) -> dict[str, str]:
        return dict(read_prompt_parts(prompt, [("user", "")], self.labels).descriptions)

    def _scores(self, prompt: str) -> LabelScores:
        return LabelScores(self.labels, self.descriptions(prompt), ())

    def _answer(self, prompt: str, post: Post) -> str:
        scores = self.scores(prompt)
        row = scores.scores(post.text)
        return scores.labels[row.index(max(row))]


if __name__ == "__main__":
    sys.exit(main())
