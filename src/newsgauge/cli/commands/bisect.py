"""``newsgauge bisect``: which lines and settings of a changed prompt moved its score?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..._util.option_values import positive
from ..._util.wording import count_of
from ...cassettes.store import CassetteFile
from ...choosing.bisecting import Bisection, Chosen, bisection_lines, judge, parts_of, search
from ...choosing.confirming import decided_on
from ...choosing.history import Checkout
from ...choosing.ledger import fresh_plan, open_ledger, plan_of
from ...errors import UsageError
from ...planning.plan_file import asked_digest
from ...recording.pending import recorded_ids
from ...recording.preflight import forecast
from ...records import Post
from ...running.run_config import RunConfig, open_recorder
from ...running.run_options import baseline_name
from ...scoring.prices import dollars, todays_prices
from ...variants.variants_file import Variant, load_variants
from .asked_cases import add_choosing_options, answered, load_choosing, told

#: Fewer posts that all flip the same way have a two-sided p-value above 5%.
_FEWEST = 6


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge bisect``."""
    parser.description = (
        "Splits the change of a variant since a revision of git into lines and settings, searches by delta "
        "debugging on the texts whose answer turned right or wrong, and decides on fresh texts. Status 0: no part is "
        "blamed; 1: one is."
    )
    parser.add_argument("variant", metavar="VARIANT", help="the variant whose prompt changed")
    parser.add_argument(
        "--from", dest="revision", default="HEAD", metavar="REV", help="the revision before (default: %(default)s)"
    )
    parser.add_argument(
        "--posts", type=positive, metavar="N", help="fresh texts for the verdict (default: as many as the sample)"
    )
    add_choosing_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Search and print; 1 if one change is blamed."""
    return 1 if told(_bisection, options).blames else 0


def _bisection(options: argparse.Namespace) -> Bisection:
    folders, variants, setup = load_choosing(options, [options.variant])
    new = variants[options.variant]
    old = _before(Checkout(folders.root).show(options.revision, f"{folders.evals}/variants.toml"), new.name, options)
    for one, where in ((new, ""), (old, f" at {options.revision}")):
        if one.predict is not None or one.estimator is not None:
            raise UsageError(
                f"bisect: {new.name} is a callable of your own{where}; expected a prompt, which has lines to compare"
            )
    change = parts_of(old, new)
    if not change.parts:
        raise UsageError(
            f"bisect: {new.name} asks as it did at {options.revision}; name the revision before its change: --from REV"
        )
    name = baseline_name(setup.backend, setup.plan)
    baseline = folders.root / folders.evals / name
    ledger, about = open_ledger(baseline), f"{new.name}: {asked_digest(old)} {asked_digest(new)}"
    if again := ledger.asked_before("bisect", about, apart_from=setup.plan.digest):
        print(f"newsgauge: bisected before, on {len(again)} fresh texts; other texts would be a second try")
        fresh = plan_of(setup, again)
    else:
        fresh = fresh_plan(setup, decided_on(setup.plan, baseline.parents[1]), options.posts)
    if len(fresh.posts) < _FEWEST:
        raise UsageError(
            f"bisect: {len(fresh.posts)} fresh texts for the verdict, and fewer than {_FEWEST} can prove nothing; take "
            "a smaller sample, such as --posts-per-class 4, or add texts to the corpus"
        )

    recorder = open_recorder(setup)  # of all versions, so that the variant's own cassette is read once

    def ask(chosen: Chosen, posts: Sequence[Post]) -> Mapping[str, str]:
        variant = change.apply(chosen, new.name)
        variant = replace(variant, name=f"{new.name}-{asked_digest(variant)}")
        plan = replace(setup.plan, posts=tuple(posts), whole_digest="")
        aside = replace(setup.aside("bisect", [variant], recorded_with=new.name), plan=plan)
        own = replace(setup, variants={new.name: replace(variant, name=new.name)}, plan=plan)
        _keep_known(recorder.file(new.name), recorded_ids(own, recorder)[new.name], aside)
        results = answered(aside, options, quiet=True)
        return {post_id: one.prediction.label for (post_id, _), one in results.items() if one.prediction is not None}

    n, k = len(setup.plan.posts), len(change.parts)
    print(f"newsgauge: {count_of(k, 'part')} changed since {options.revision}: {'; '.join(change.parts)}")
    prices = todays_prices()
    per_version = forecast(setup, price=prices.cost, thinking=prices.thinking, cases=setup.recorded_cases).cost
    steps = min(k + 1, 4)  # two groups are found, and what is left
    usual = 2 * n + 2 * k * (n // 5) + steps * len(fresh.posts)
    cost = "no price is known" if per_version is None else f"about {dollars(per_version / n * usual)}"
    print(
        f"newsgauge: plan: {2 * n} calls on the sample; if it moved, usually about {2 * k} versions (at most "
        f"{k * k + 3 * k}) on the texts that flipped; then usually {steps} (at most {k + 3}) on {len(fresh.posts)} "
        f"fresh texts. Live, if a fifth of the sample flips: about {usual:,} calls, {cost}"
    )
    print("newsgauge: what is recorded is replayed; each step shows its calls and cost before it asks")
    first, groups = search(k, setup.plan.posts, ask)
    found = judge(change.parts, first, groups, fresh.posts, ask)
    print("\n".join(bisection_lines(found)))
    for decided in (setup.plan, fresh) if found.whole is not None else (setup.plan,):
        ledger.note("bisect", about, decided)
    return found


def _keep_known(recorded: CassetteFile, ids: set[str], aside: RunConfig) -> None:
    """Copy what the variant's own cassette answers to this version: as a rule one of the two is recorded there."""
    (version,) = aside.variants
    kept = open_recorder(aside).file(version)
    for post_id in sorted(ids.difference(kept.keys())):
        if (line := recorded.read(post_id)) is not None:
            kept.append(line)


def _before(text: str, name: str, options: argparse.Namespace) -> Variant:
    with TemporaryDirectory(prefix="newsgauge-") as folder:
        path = Path(folder) / "variants.toml"
        path.write_text(text, "utf-8")
        variants = load_variants(path)
    if name not in variants:
        raise UsageError(f"--from {options.revision}: it has no variant {name!r}; there: {', '.join(variants)}")
    return variants[name]
