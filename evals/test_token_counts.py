"""Can tokens be known before anything is asked? countTokens costs nothing; it is held here against what was used.

Of each label the first two posts of the draw are counted, for every variant, and recorded beside the corpus' cassettes,
in `<corpus>+count-tokens`. Only contents are counted: with an API key the SDK refuses to count an instruction or a
schema. So a variant that sends nothing else has to use what was counted, token for token; one that does has to use as
much more for every post, since it says the same to each.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsgauge import Attachments, Case, CountedPost, Run, Variant

POSTS_PER_LABEL = 2


def test_what_is_counted_is_what_is_used(newsgauge_run: Run, exhibits: Attachments) -> None:
    setup = newsgauge_run.setup
    variants = [replace(variant, expected_model_version=None) for variant in setup.variants.values()]  # none answers
    sample = setup.plan.first(POSTS_PER_LABEL)
    results = newsgauge_run.results(tuple(setup.variants))
    counts: dict[str, list[CountedPost]] = {}
    keys, recorded_with = {post.id for post in sample}, ",".join(setup.variants)
    with newsgauge_run.beside("count-tokens", variants, keys=keys, recorded_with=recorded_with) as run:
        for name in setup.variants:
            counts[name] = []
            for post in sample:
                result = results.get((post.id, name))
                assert result is not None, f"{post.id} has no answer of {name}; while recording, run all of evals"
                if result.prediction is None:
                    pytest.fail(f"{name} has no answer to {post.id}, so there is nothing to compare", pytrace=False)
                counted = run.count_tokens(Case(post, name))
                counts[name].append(CountedPost(counted, result.prediction.input_tokens))
    exhibits.leave_token_counts(counts)
    wrong = [
        f"{name}: {sorted({post.beyond for post in posts})} tokens beyond the contents"
        for name, posts in counts.items()
        if not is_explained(setup.variants[name], {post.beyond for post in posts})
    ]
    assert wrong == []


def is_explained(variant: Variant, beyond: set[int]) -> bool:
    """Whether tokens beyond the contents are those of instruction and schema, the same for each post."""
    if variant.system_instruction is None and variant.answer == "text":
        return beyond == {0}
    return len(beyond) == 1 and min(beyond) >= 0
