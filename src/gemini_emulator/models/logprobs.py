"""Whole answers and their log-probabilities in, those of each token out, as ``logprobsResult`` shows them.

The probability of a token is that of all answers that go on with it, among those that began with the tokens before it.
So the tokens of an answer multiply to the probability of the answer, as in a language model.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

from .tokens import split_tokens

_DIGITS = 6


def logprobs_result(text: str, alternatives: Sequence[tuple[str, float]], top: int) -> dict[str, Any]:
    """``text``, one of the alternatives or the beginning of one, token by token; ``top`` candidates for each."""
    shares = [(split_tokens(answer, 1), math.exp(logprob)) for answer, logprob in alternatives]
    chosen, tops = [], []
    said = split_tokens(text, 1)
    last = len(said) - 1
    for place, token in enumerate(said):
        total = sum(share for _, share in shares)
        here: dict[str, float] = {}
        for tokens, share in shares:
            if place < len(tokens):
                here[tokens[place]] = here.get(tokens[place], 0.0) + share
        shares = [(tokens, share) for tokens, share in shares if place < len(tokens) and tokens[place] == token]
        # Its last token also says that the answer ends there, where others go on.
        ended = sum(share for tokens, share in shares if len(tokens) == place + 1)
        is_last = place == last and ended > 0
        chosen.append(_candidate(token, ended if is_last else here.get(token, 0.0), total))
        ranked = sorted(here.items(), key=lambda item: (-item[1], item[0]))[:top]
        tops.append({"candidates": [_candidate(other, share, total) for other, share in ranked]})
    result: dict[str, Any] = {"chosenCandidates": chosen}
    return result | ({"topCandidates": tops} if top else {})


def _candidate(token: str, share: float, total: float) -> dict[str, Any]:
    logprob = math.log(share / total) if share > 0 and total > 0 else math.log(1e-300)
    # The id only has to be the same for the same token.
    return {"token": token, "tokenId": zlib.crc32(token.encode("utf-8")), "logProbability": round(logprob, _DIGITS)}
