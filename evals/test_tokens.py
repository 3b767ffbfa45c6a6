"""Does tuning pay for itself in tokens? A tuned model needs no instruction, and says a name instead of a sentence.

Both are measured on the usage metadata of every planned case, paired by post: the low end of the 95% interval of the
saving has to be above zero. A saving that holds on average only, or on the one post somebody looked at, is no saving.
"""

from typing import Literal

import pytest

from newsgauge import Tokens


@pytest.mark.parametrize(
    ("kind", "other"),
    [("input", "system"), ("output", "zero-shot")],
    ids=["fewer-input-tokens-than-the-system-instruction", "fewer-output-tokens-than-the-zero-shot-question"],
)
def test_tuned_needs(tokens: Tokens, kind: Literal["input", "output"], other: str) -> None:
    absent = {"tuned", other} - set(tokens.variants)
    if absent:
        pytest.skip(f"not part of this run: {', '.join(sorted(absent))}")
    saving = tokens.saving(kind, "tuned", than=other)
    assert saving.saved.low > 0, (
        f"tuned saves {saving.saved.value:.1f} {kind} tokens a post over {other} "
        f"[{saving.saved.low:.1f}, {saving.saved.high:.1f}], n = {saving.saved.n}"
    )
