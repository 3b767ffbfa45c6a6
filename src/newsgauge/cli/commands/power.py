"""``newsgauge power``: how many posts a question takes. Options in, a table and an exit status out."""

from __future__ import annotations

import argparse

from ..._util.option_values import read_share
from ...errors import UsageError
from ...scoring.stats.power import fewest_flips, fewest_posts_for_margin, posts_for_difference, posts_for_floor
from .power_gates import add_gates_options, describe_gates
from .power_sequential import add_sequential_options, describe_sequential


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge power``."""
    parser.description = (
        "How many texts it takes to find a true difference between two variants that are asked "
        "about the same texts, and to hold one of them to the accuracy of the other as a floor. With --gates: "
        "how often a live run passes all gates of a project."
    )
    # Read as text, so that a number out of range and a word get the same one-line answer.
    parser.add_argument("--baseline", metavar="P", help="accuracy of the baseline, such as 0.85")
    parser.add_argument(
        "--difference",
        metavar="D",
        help="difference to find, such as 0.05, or -0.05 for a drop",
    )
    parser.add_argument(
        "--discordant",
        metavar="Q",
        help="share of texts that exactly one of the two has right (default: a table of plausible shares)",
    )
    parser.add_argument("--power", default="0.8", metavar="P", help="chance to find it (default: %(default)s)")
    parser.add_argument("--alpha", default="0.05", metavar="A", help="chance of a false find (default: %(default)s)")
    add_sequential_options(parser)
    add_gates_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Print the plan; 0. Raises `UsageError` if a value makes no sense."""
    if options.all_gates:
        print(describe_gates(options))
    else:
        print(describe_sequential(options) if options.until_decided else describe_plan(options))
    return 0


def describe_plan(options: argparse.Namespace) -> str:
    """The plan as text. `UsageError` names the option, what it expects and what came."""
    if options.baseline is None or options.difference is None:
        raise UsageError(
            "expected --baseline P and --difference D, --gates, or --until-decided with --min-accuracy P and --posts N"
        )
    baseline = read_share("--baseline", options.baseline)
    difference = read_share("--difference", options.difference, low=-1)
    power = read_share("--power", options.power)
    alpha = read_share("--alpha", options.alpha, high=0.5)
    other = baseline + difference
    if difference == 0:
        raise UsageError("--difference: expected a number other than 0; no number of texts shows that nothing differs")
    if not 0 <= other <= 1:
        raise UsageError(
            f"--difference: {baseline:g} {difference:+g} is {other:g}, which is not an accuracy between 0 and 1"
        )
    # At least as many posts flip as the difference; at most, each is wrong only where the other is right.
    fewest, most = abs(difference), min(baseline + other, 2 - baseline - other)
    independent = baseline * (1 - other) + other * (1 - baseline)
    if options.discordant is None:
        shares = {
            "the fewest possible: no answer flips the other way": fewest,
            "three times as many flips as the difference needs": min(3 * fewest, most),
            "two variants that err independently of each other": independent,
        }
    else:
        share = read_share("--discordant", options.discordant)
        if not fewest - 1e-12 <= share <= most + 1e-12:
            raise UsageError(
                f"--discordant: expected a share from {fewest:g} to {most:g}, as accuracies {baseline:g} "
                f"and {other:g} allow no other; got {share:g}"
            )
        shares = {"as given": max(share, fewest)}
    lines = [
        f"Two variants on the same texts, true accuracies {baseline:.1%} and {other:.1%}, exact McNemar "
        f"test, alpha {alpha:g}, power {power:g}.",
        "",
        "texts needed                 texts flipped, and how that comes about",
        "two-sided   one-sided",
    ]
    for note, share in dict(sorted(shares.items(), key=lambda entry: entry[1])).items():
        counts = [
            posts_for_difference(difference, share, power=power, alpha=alpha, two_sided=two_sided)
            for two_sided in (True, False)
        ]
        lines.append(f"{_posts(counts[0]):>9}   {_posts(counts[1]):>9}        {share:>6.1%}  {note}")
    floor = posts_for_floor(other, baseline, power=power, alpha=alpha) if 0 < baseline < 1 else None
    flips, flips_two_sided = fewest_flips(alpha=alpha), fewest_flips(alpha=alpha, two_sided=True)
    margin_posts = fewest_posts_for_margin(abs(difference), confidence=1 - alpha)
    verdict = "above" if difference > 0 else "below"
    lines += [
        "",
        f"Unpaired, one variant of true accuracy {other:.1%} against a floor of {baseline:.1%}: "
        f"{_posts(floor)} texts to prove it {verdict}.",
        f"Whatever the power: fewer than {flips} flips, all one way, prove nothing one-sided "
        f"({flips_two_sided} two-sided), and on fewer than",
        f"{margin_posts:,} texts not even identical answers exclude a drop of {abs(difference):.1%}.",
    ]
    return "\n".join(lines)


def _posts(n: int | None) -> str:
    return "over 100,000" if n is None else f"{n:,}"
