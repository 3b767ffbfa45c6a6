"""How often the embedded models are right, on whole test sets. Prints a table; status 1 if a bound is missed.

    python benchmarks/base_model.py [--debian]

Asks the models themselves, without server and cassettes: real posts of eight groups (20 Newsgroups, `clean`
preprocessing, all 3,169 test posts, where scikit-learn has them) and the bundled corpus; with ``--debian`` also
descriptions of software packages in 24 sections, from the package lists of this machine (``apt-cache dumpavail``).
Descriptions are those of the variant `described`; examples are of 500 characters, one draw. `tuned` is trained on the
posts that the suite's variant `tuned` is trained on, which may share threads with test posts; `no threads` is trained
without such posts.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from gemini_emulator.models.label_scores import LabelScores
from gemini_emulator.models.tuned_model import Example, train
from gemini_emulator.reading.prompt_reading import read_prompt_parts
from newsgauge.corpora.corpus import find_corpus
from newsgauge.corpora.preprocessing import clean
from newsgauge.planning.training_set import TrainPosts

ROOT = Path(__file__).resolve().parents[1]
CLASSES = "^rec|^sci"
EXAMPLES, CHARS = 5, 500
SECTIONS = {
    "admin": "administration of systems, users, packages and services",
    "comm": "modems, fax, telephony and serial communication",
    "database": "database servers, clients and tools",
    "devel": "development tools, compilers and build systems",
    "editors": "text editors and word processors",
    "electronics": "circuit design, simulation and microcontrollers",
    "fonts": "fonts and typefaces",
    "games": "games, toys and amusements",
    "graphics": "image editing, viewing and conversion",
    "hamradio": "amateur radio, antennas and digital modes",
    "httpd": "web servers and their modules",
    "kernel": "operating system kernels, modules and drivers",
    "mail": "email clients, servers, filters and lists",
    "math": "mathematics, algebra, statistics and numerical computation",
    "net": "network clients, servers, protocols and monitoring",
    "otherosfs": "emulators and file systems of other operating systems",
    "science": "scientific software, biology, chemistry and physics",
    "shells": "command shells and their completion",
    "sound": "audio players, recorders, synthesizers and codecs",
    "tex": "typesetting with TeX and LaTeX",
    "text": "text processing, formatting, dictionaries and spelling",
    "vcs": "version control systems",
    "video": "video players, editors, recorders and codecs",
    "web": "web browsers, applications and site tools",
}
Labelled = Sequence[tuple[str, str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian", action="store_true", help="ask about package descriptions too")
    options = parser.parse_args()
    instruction = tomllib.loads((ROOT / "evals/variants.toml").read_text("utf-8"))["described"]["system_instruction"]
    missed = 0
    for name, bounds in (("20newsgroups", (60, 73, 69, 88.5, None)), ("bundled", (38, 48, None, None, None))):
        corpus = find_corpus(name, bundled=ROOT / "fixtures/bundled")
        test = [(clean(post.raw), post.label) for post in corpus.posts("test") if re.search(CLASSES, post.label)]
        labels = tuple(sorted({label for _, label in test}))
        said = dict(read_prompt_parts(instruction, [("user", "")], labels).descriptions)
        cut = TrainPosts(corpus, CLASSES, labels, lambda raw: clean(raw)[:CHARS])
        shown = cut.draw(EXAMPLES, 0)
        results = prompts(labels, said, [(post.text, post.label) for post in shown], test)
        train_posts = TrainPosts(corpus, CLASSES, labels, clean)
        for what, share_threads in (("tuned", True), ("no threads", False)):
            drawn = train_posts.draw(50, 0, share_threads=share_threads)
            results.append((what, tuned_accuracy([(post.text, post.label) for post in drawn], test)))
        missed += show(name, len(test), results, bounds)
    if options.debian:
        descriptions, shown_packages = packages()
        results = prompts(tuple(SECTIONS), SECTIONS, shown_packages, descriptions)
        missed += show("packages", len(descriptions), results, (25, 38, 32))
    return 1 if missed else 0


def prompts(labels: tuple[str, ...], said: dict[str, str], shown: Labelled, test: Labelled) -> list[tuple[str, float]]:
    """The three ways to say more: names, descriptions, examples."""
    ways: dict[str, tuple[dict[str, str], Labelled]] = {
        "labels": ({}, ()),
        "described": (said, ()),
        f"{EXAMPLES} examples": ({}, tuple(shown)),
    }
    return [(way, accuracy(LabelScores(labels, *how), test)) for way, how in ways.items()]


def accuracy(scores: LabelScores, test: Labelled) -> float:
    """Percent of the texts whose best label is theirs."""
    right = 0
    for text, label in test:
        row = scores.scores(text)
        right += scores.labels[row.index(max(row))] == label
    return 100 * right / len(test)


def tuned_accuracy(trained: Labelled, test: Labelled) -> float:
    """Percent of the texts that a model named right which was tuned with the settings of the suite."""
    model = train([Example(*pair) for pair in trained], epochs=2, batch_size=16, learning_rate=0.001)
    right = 0
    for at in range(0, len(test), 64):
        part = test[at : at + 64]
        for row, (_, label) in zip(model.probabilities([text for text, _ in part]), part, strict=True):
            right += model.outputs[row.index(max(row))] == label
    return 100 * right / len(test)


def show(name: str, n: int, results: list[tuple[str, float]], bounds: Sequence[float | None]) -> int:
    """Print one line per result; return the number of missed bounds."""
    missed = 0
    for (what, percent), bound in zip(results, bounds, strict=True):
        is_missed = bound is not None and percent < bound
        missed += is_missed
        asked = f"at least {bound:g}" if bound is not None else ""
        print(f"{name:12}  {n:5}  {what:11}  {percent:5.1f}%  {asked}{'  MISSED' if is_missed else ''}", flush=True)
    return missed


def packages() -> tuple[Labelled, Labelled]:
    """2,000 descriptions to ask about and 5 a section to show, of other source packages."""
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    of_section: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for block in listed.split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", block, re.MULTILINE))
        about = re.search(r"^Description(?:-en)?: (.*(?:\n .*)*)", block, re.MULTILINE)
        section = fields.get("Section", "").rpartition("/")[2]
        if about and section in SECTIONS:
            of_section[section].append(((fields.get("Source") or fields["Package"]).split(" ")[0], about[1][:CHARS]))
    shown: list[tuple[str, str]] = []
    sources: set[str] = set()
    for section in SECTIONS:
        for source, text in random.Random(section).sample(of_section[section], EXAMPLES):
            shown.append((text, section))
            sources.add(source)
    rest = [(text, name) for name, found in of_section.items() for source, text in found if source not in sources]
    return random.Random(0).sample(sorted(rest), min(2000, len(rest))), shown


if __name__ == "__main__":
    sys.exit(main())
