"""Planning: what a number of posts can decide, and how many a question takes. Pure and exact.

If a power is not monotone in n (it has teeth, because counts are whole), the number given is the one
from which on every larger sample keeps the power: a plan that loses its power by adding a post would be a
trap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from .exact_difference import NUISANCE_MISS, most_lost_at, outcome_probability
from .intervals import binomial_cdf, binomial_sf, likely_counts, normal_quantile

#: A limit nearer to 0 or 1 than this, but not there, is refused: no sample can tell it from there.
NEAREST_LIMIT = 1e-6

#: No plan beyond this many posts: the answer to such a question is "ask for less", not a number.
MAX_POSTS = 100_000

#: Beyond this the normal approximation is the answer: within 2% there, while exact tails take seconds.
EXACT_UP_TO = 5_000


def check_shares(difference: float, discordant: float) -> None:
    """ValueError if no pair of classifiers can differ so much on so few flipped posts."""
    if not -1 <= difference <= 1 or not abs(difference) <= discordant <= 1:
        raise ValueError(
            f"expected |difference| <= discordant <= 1, got difference={difference:g}, discordant={discordant:g}"
        )


@lru_cache(maxsize=65536)
def _power_given_flips(n_flips: int, gain_share: float, alpha: float, two_sided: bool) -> float:
    critical = _critical_count(n_flips, 0.5, alpha / 2 if two_sided else alpha)
    power = binomial_sf(critical, n_flips, gain_share)
    if two_sided:
        power += binomial_cdf(n_flips - critical, n_flips, gain_share)
    return power


def mcnemar_power(
    n: int, difference: float, discordant: float, *, alpha: float = 0.05, two_sided: bool = True
) -> float:
    """The chance that the exact McNemar test on n posts finds a true ``difference`` of accuracy.

    ``discordant`` is the share of posts that exactly one of the two has right. Unconditional: the number of
    flipped posts is Binomial(n, discordant), the gains among them Binomial(flips, (discordant + difference)
    / (2 discordant)). One-sided power is for a difference in the direction given.
    S. W. Duffy, "Asymptotic
    and exact power for the McNemar test and its analogue with R controls per case", Biometrics 40 (1984).
    """
    check_shares(difference, discordant)
    if n <= 0 or discordant == 0:
        return 0.0
    gain_share = (discordant + abs(difference)) / (2 * discordant)
    return math.fsum(
        _binomial_pmf(flips, n, discordant) * _power_given_flips(flips, gain_share, alpha, two_sided)
        for flips in likely_counts(n * discordant, n * discordant, n)
    )


def _binomial_pmf(k: int, n: int, p: float) -> float:
    if p == 1.0:
        return float(k == n)
    log_choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log_choose + k * math.log(p) + (n - k) * math.log1p(-p))


def posts_for_difference(
    difference: float, discordant: float, *, power: float = 0.8, alpha: float = 0.05, two_sided: bool = True
) -> int | None:
    """The fewest posts on which the exact McNemar test finds ``difference`` with this power.

    None if that is more than `MAX_POSTS`.
    """
    check_shares(difference, discordant)
    if difference == 0:
        return None
    # The normal approximation of Connor (1987) tells where to look; the exact power decides.
    z_alpha, z_beta = normal_quantile(1 - (alpha / 2 if two_sided else alpha)), normal_quantile(power)
    spread = z_alpha * math.sqrt(discordant) + z_beta * math.sqrt(max(0.0, discordant - difference**2))
    return _fewest(
        lambda n: mcnemar_power(n, difference, discordant, alpha=alpha, two_sided=two_sided) >= power,
        near=(spread / difference) ** 2 + 2 / abs(difference),  # the second term: counts are whole
        window=math.ceil(6 / discordant),  # a tooth is two flips wide
    )


def correct_answers_needed(n: int, floor: float, *, confidence: float = 0.95) -> int | None:
    """The fewest correct of n whose one-sided exact lower bound reaches the floor; None if not even n do."""
    needed = _critical_count(n, floor, 1 - confidence) if n > 0 else 1
    return needed if needed <= n else None


@lru_cache(maxsize=65536)
def _critical_count(n: int, rate: float, tail: float) -> int:
    """The smallest count of n that is reached with at most this probability at ``rate``; n + 1 if none is."""
    low, high = -1, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if binomial_sf(middle, n, rate) <= tail else (middle, high)
    return high


def floor_power(n: int, rate: float, floor: float, *, alpha: float = 0.05) -> float:
    """The chance that n posts decide a floor as the true ``rate`` demands: PASS above it, FAIL below it."""
    if rate < floor:  # failing at a floor is passing one with the wrong answers
        rate, floor = 1 - rate, 1 - floor
    needed = correct_answers_needed(n, floor, confidence=1 - alpha)
    return 0.0 if needed is None else binomial_sf(needed, n, rate)


def posts_for_floor(rate: float, floor: float, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """The fewest posts that decide a floor with this power if ``rate`` is the true one.

    PASS is decided above the floor, FAIL below it. None if the rate is the floor itself, or so near that
    it takes more than `MAX_POSTS`.
    """
    if rate == floor:
        return None
    z_alpha, z_beta = normal_quantile(1 - alpha), normal_quantile(power)
    spread = z_alpha * math.sqrt(floor * (1 - floor)) + z_beta * math.sqrt(rate * (1 - rate))
    distance = abs(rate - floor)
    return _fewest(
        lambda n: floor_power(n, rate, floor, alpha=alpha) >= power,
        near=(spread / distance) ** 2 + 2 / distance,
        # A tooth is as wide as one more wrong answer takes; 2 / distance posts make up for its height.
        window=math.ceil(3 / distance + 2 / max(1e-3, min(floor, 1 - floor))),
    )


def fewest_posts_for_floor(floor: float, *, confidence: float = 0.95) -> int:
    """The posts below which a floor cannot be passed even with every answer right.

    log(1 - confidence) / log(floor), rounded up.
    """
    if floor == 0:
        return 1
    if not NEAREST_LIMIT <= floor <= 1 - NEAREST_LIMIT:
        raise ValueError(f"expected a floor of 0, or from {NEAREST_LIMIT:f} to {1 - NEAREST_LIMIT:f}, got {floor}")
    n = max(1, math.floor(math.log(1 - confidence) / math.log(floor)))
    while correct_answers_needed(n, floor, confidence=confidence) is None:
        n += 1
    return n


def fewest_posts_for_margin(margin: float, *, confidence: float = 0.95) -> int:
    """The posts below which a drop of ``margin`` cannot be excluded even if not one answer flips.

    (1 - margin)^n is the chance of no flip at that drop; the exact test adds `NUISANCE_MISS` to it.
    """
    if not NEAREST_LIMIT <= margin < 1:
        raise ValueError(f"expected a margin of at least {NEAREST_LIMIT:f} and below 1, got {margin}")
    return math.ceil(math.log(1 - confidence - NUISANCE_MISS) / math.log1p(-margin))


@lru_cache(maxsize=4096)
def margin_power(n: int, margin: float, flip_rate: float, *, alpha: float = 0.05, drop: float = 0.0) -> float:
    """The chance that n posts exclude a drop of ``margin`` if the true drop is ``drop``, by default none.

    ``flip_rate`` is the share of posts that flip, gains and losses together. All outcomes are enumerated; which of them
    pass is the score test's word, which is quick to ask. If flips are few, one outcome that the exact test puts on
    the other side is worth up to nine points.
    """
    check_shares(-drop, flip_rate)
    if n < fewest_posts_for_margin(margin, confidence=1 - alpha):
        return 0.0
    import numpy as np

    mean = n * (flip_rate - drop) / 2
    gained = np.array(likely_counts(mean, mean, n))
    most_lost = most_lost_at(gained, n, -margin, normal_quantile(1 - alpha))
    return float(outcome_probability(gained, most_lost, n, np.array([flip_rate]), -drop)[0])


def posts_for_margin(margin: float, flip_rate: float, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """The fewest posts that exclude a drop of ``margin`` with this power if nothing changed but ``flip_rate`` flips.

    None if that is more than `MAX_POSTS`.
    """
    if margin * MAX_POSTS < 1:
        return None
    z = normal_quantile(1 - alpha) + normal_quantile(power)
    near = max(fewest_posts_for_margin(margin, confidence=1 - alpha), math.ceil((z / margin) ** 2 * flip_rate))
    return _fewest(
        lambda n: margin_power(n, margin, flip_rate, alpha=alpha) >= power, near=near, window=math.ceil(1 / margin)
    )


def fewest_flips(*, alpha: float = 0.05, two_sided: bool = False) -> int:
    """The fewest flips, all one way, that are significant at all: 5 one-sided, 6 two-sided, at 5%."""
    return fewest_posts_for_floor(0.5, confidence=1 - (alpha / 2 if two_sided else alpha))


def _fewest(enough: Callable[[int], bool], *, near: float, window: int) -> int | None:
    """The n from which on ``enough`` holds: by bisection, then ``window`` larger ones without a gap."""
    if near > EXACT_UP_TO:
        return math.ceil(near) if near <= MAX_POSTS else None
    low, high = 0, max(8, math.ceil(near))
    while not enough(high):
        low, high = high, 2 * high
        if high > 2 * MAX_POSTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    answer = n = high
    while n < answer + window:
        n += 1
        if not enough(n):
            answer = n + 1
    return answer if answer <= MAX_POSTS else None
