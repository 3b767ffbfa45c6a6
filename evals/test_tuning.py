"""Is the tuned model worth having? What a user would ask before paying for one.

The cases of the `tuned` and `system` variants answer some of it. Training sets of other sizes, and texts that are no
newsgroup posts, are asked here and recorded beside the corpus' cassettes, in folders of their own: `<corpus>+curve` and
`<corpus>+new-text`. They are no variants: nobody would choose a model tuned on fewer posts than there are. What the
embedded backend tells of the training itself is recorded in `<corpus>+training`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

import pytest

from newsgauge import Attachments, Case, LearningPoint, Outcome, Post, Prediction, Run, Variant, stats

#: The variants whose recording records what is asked here.
RECORDED_WITH = "system,tuned"
#: Training posts per class of the smaller models; the largest is the `tuned` variant itself (24 and 50).
CURVE = {"bundled": (6, 12), "20newsgroups": (10, 25)}

#: Posts that prove a lead of 12 points where three answers in ten differ: 1.64 * sqrt(0.3 / 60).
ENOUGH = 60

#: Two texts per label as people write them elsewhere: messages, reviews, notes. Made for this file.
NEW_TEXTS = {
    "rec.autos": [
        "Traded in my sedan for a used hatchback. The dealer swore the transmission was fine, the mechanic disagrees.",
        "Review: comfortable car, good mileage on the highway, but the brakes squeal and the dashboard rattles.",
    ],
    "rec.motorcycles": [
        "First ride of the spring! Helmet on, bike out of the garage, and the clutch cable snapped at a corner.",
        "For new riders: wear gloves and boots, keep your visor clean, and never trust a car that waits at a junction.",
    ],
    "rec.sport.baseball": [
        "He struck out four times, then hit a home run in the ninth inning. The pitcher threw his glove.",
        "Our shortstop is batting .310 and the bullpen still manages to lose the game every other night.",
    ],
    "rec.sport.hockey": [
        "Overtime again! The goalie stopped forty shots and then the puck bounced in off a defenseman's skate.",
        "Two power plays, no goals. If this team wants the playoffs it has to shoot the puck.",
    ],
    "sci.crypt": [
        "Reminder from IT: a long passphrase protects the key, and nobody can decrypt the disk without it.",
        "The app says messages are encrypted end to end, but who holds the secret keys, and is the algorithm public?",
    ],
    "sci.electronics": [
        "The amplifier hums. I replaced the capacitor and measured the voltage across the resistor: too low.",
        "Note to self: the circuit board needs a bigger transistor, and next time solder the ground wire first.",
    ],
    "sci.med": [
        "The doctor changed my medication and the headaches went away, but the infection takes another week of pills.",
        "Clinic notes: patient reports chest pain and fever; blood test ordered, no known disease in the family.",
    ],
    "sci.space": [
        "Watched the launch live: the rocket reached orbit in nine minutes and the booster landed on the ship.",
        "Museum sign: this module flew around the moon; its crew saw Earth rise from lunar orbit.",
    ],
}


@pytest.fixture
def tuned(newsgauge_run: Run) -> Variant:
    """The tuned variant of this run."""
    if "tuned" not in newsgauge_run.setup.variants:
        pytest.skip("the tuned variant is no part of this run")
    return newsgauge_run.setup.variants["tuned"]


def test_every_answer_is_a_training_label_and_nothing_else(newsgauge_run: Run, tuned: Variant) -> None:
    labels = newsgauge_run.setup.trainings["tuned"].labels
    answers = results_of(newsgauge_run, "tuned").values()
    assert [answer.label for answer in answers if answer.label not in labels] == []


def test_it_beats_the_system_instruction_on_the_same_posts(newsgauge_run: Run, tuned: Variant) -> None:
    if "system" not in newsgauge_run.setup.variants:
        pytest.skip("the system variant is no part of this run")
    assert lead(correct(newsgauge_run, "tuned"), correct(newsgauge_run, "system")) > 0


def test_its_loss_falls(newsgauge_run: Run, tuned: Variant, exhibits: Attachments) -> None:
    if newsgauge_run.setup.backend != "embedded":
        pytest.skip("Vertex keeps losses in an experiment, which only its console shows")
    with newsgauge_run.beside("training", [tuned], keys={"training"}, recorded_with=RECORDED_WITH) as run:
        losses = run.tuned_job("tuned").losses
    exhibits.leave_loss_curve(losses, model=run.setup.trainings["tuned"].model)
    by_epoch: dict[int, list[float]] = {}
    for loss in losses:
        by_epoch.setdefault(loss.epoch, []).append(loss.mean_loss)
    means = [fmean(by_epoch[epoch]) for epoch in sorted(by_epoch)]
    assert len(means) == (tuned.tuning.epochs if tuned.tuning else 0)
    assert means == sorted(means, reverse=True)


def test_more_training_posts_help(newsgauge_run: Run, tuned: Variant, exhibits: Attachments) -> None:
    setup = newsgauge_run.setup
    if setup.backend != "embedded" or setup.plan.corpus not in CURVE:
        pytest.skip(f"the curve is recorded on the embedded backend, for {' and '.join(CURVE)}")
    assert tuned.tuning is not None
    smaller = [
        replace(tuned, name=f"posts-{size}", tuning=replace(tuned.tuning, posts_per_class=size))
        for size in CURVE[setup.plan.corpus]
    ]
    asked = ask(newsgauge_run, smaller, setup.plan.posts, folder="curve")
    curve = [
        {post.id: asked[name][post.id].label == post.label for post in setup.plan.posts}
        for name in (variant.name for variant in smaller)
    ] + [correct(newsgauge_run, "tuned")]
    sizes = [size_of(newsgauge_run, variant) for variant in (*smaller, tuned)]
    exhibits.leave_learning_curve(
        LearningPoint(most, n_examples, sum(point.values()), len(point))
        for (most, n_examples), point in zip(sizes, curve, strict=True)
    )
    if len(setup.plan.posts) < ENOUGH:
        pytest.skip(f"{len(setup.plan.posts)} posts are shown and prove nothing: a lead of 12 points takes {ENOUGH}")
    # The whole way up is a lead beyond doubt; each step is at least no fall of more than chance.
    assert lead(curve[-1], curve[0]) > 0, [sum(point.values()) for point in curve]
    assert sum(curve[0].values()) < sum(curve[1].values()) < sum(curve[2].values())


def test_it_knows_texts_that_are_no_newsgroup_posts(newsgauge_run: Run, tuned: Variant) -> None:
    setup = newsgauge_run.setup
    if set(setup.plan.labels) != set(NEW_TEXTS):
        pytest.skip("the new texts are about the eight groups of rec.* and sci.*")
    posts = [
        Post(f"{label}-new-{number}", label, text)
        for label, texts in NEW_TEXTS.items()
        for number, text in enumerate(texts, 1)
    ]
    answers = ask(newsgauge_run, [tuned], posts, folder="new-text")["tuned"]
    assert {answer.outcome for answer in answers.values()} == {Outcome.LABEL}
    n_right = sum(answers[post.id].label == post.label for post in posts)
    # Sixteen texts are few: five right ones would exclude guessing among eight labels.
    assert stats.exact_lower_bound(n_right, len(posts)) > 1 / len(NEW_TEXTS), f"{n_right} of {len(posts)}"


def results_of(run: Run, variant: str) -> dict[str, Prediction]:
    """The predictions of all planned posts."""
    results = run.results((variant,))
    answers = {
        post.id: result.prediction
        for post in run.setup.plan.posts
        if (result := results.get((post.id, variant))) is not None and result.prediction is not None
    }
    n_missing = len(run.setup.plan.posts) - len(answers)
    assert n_missing == 0, f"{n_missing} posts have no answer of {variant}; while recording, run all of evals"
    return answers


def correct(run: Run, variant: str) -> dict[str, bool]:
    """Which planned posts the variant has right."""
    answers = results_of(run, variant)
    return {post.id: answers[post.id].label == post.label for post in run.setup.plan.posts}


def lead(first: dict[str, bool], second: dict[str, bool]) -> float:
    """The lower end of the 95% interval of the paired difference of accuracies."""
    gained = sum(right and not second[post_id] for post_id, right in first.items())
    lost = sum(right and not first[post_id] for post_id, right in second.items())
    return stats.paired_interval(gained, lost, len(first))[0]


def size_of(run: Run, variant: Variant) -> tuple[int, int]:
    """The training posts of the largest class of a variant's training set, and of all classes."""
    training = run.setup.aside("curve", [variant], recorded_with="").trainings[variant.name]
    by_class = Counter(post.label for post in training.examples)
    return max(by_class.values()), by_class.total()


def ask(
    run: Run, variants: Iterable[Variant], posts: Iterable[Post], *, folder: str
) -> dict[str, dict[str, Prediction]]:
    """Ask posts that are no part of the plan, from cassettes of their own: variant -> id -> prediction."""
    posts, variants = tuple(posts), tuple(variants)
    with run.beside(folder, variants, keys={post.id for post in posts}, recorded_with=RECORDED_WITH) as aside:
        return {one.name: {post.id: aside.ask(Case(post, one.name)) for post in posts} for one in variants}
