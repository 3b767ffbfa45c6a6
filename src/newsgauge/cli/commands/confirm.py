"""``newsgauge confirm``: is the variant that was chosen on a sample as good on posts that nobody chose it on?"""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..._util.files import locked
from ..._util.option_values import positive
from ...choosing.confirming import (
    Confirmation,
    confirmation_lines,
    decide,
    decided_on,
    load_confirmations,
    measure,
    save_confirmations,
    shrinkage,
)
from ...choosing.ledger import CONFIRMATIONS, fresh_plan, open_ledger, plan_of
from ...errors import UsageError
from ...planning.sampling import stopped_at
from ...running.run_config import stops_of
from ...running.run_options import baseline_name
from .asked_cases import add_choosing_options, answered, load_choosing, replayed, told


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge confirm``."""
    parser.description = (
        "Asks the next texts of the draw, on which nothing was decided, and shows how a choice shrinks. "
        "The verdict is kept in confirmations.json beside the baseline; the same question again replays it. "
        "Status 0: CONFIRMED, or NOT SHOWN TO BE LOWER; 1: any other verdict."
    )
    parser.add_argument("variant", metavar="VARIANT", help="the variant that was chosen")
    parser.add_argument("--against", metavar="OTHER", help="confirm the lead over this variant, paired text by text")
    parser.add_argument(
        "--posts",
        type=positive,
        metavar="N",
        help="fresh texts in all, as many of each label (default: as many as the sample, or as there are)",
    )
    add_choosing_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Ask fresh posts and print the verdict; 0 if it holds."""
    return 0 if told(_confirmation, options).verdict in ("CONFIRMED", "NOT SHOWN TO BE LOWER") else 1


def _confirmation(options: argparse.Namespace) -> Confirmation:
    variant, against = options.variant, options.against
    if variant == against:
        raise UsageError(f"--against {against}: expected another variant than the one to confirm")
    folders, _, setup = load_choosing(options, [variant, *([against] if against else [])])
    setup = replace(setup, plan=stopped_at(setup.plan, stops_of(setup)))
    evals = folders.root / folders.evals
    name = baseline_name(setup.backend, setup.plan)
    ledger, file = open_ledger(evals / name), (evals / name).with_name(CONFIRMATIONS)
    chosen = measure(setup.plan.digest, setup.plan.shared(*setup.variants), replayed(setup), variant, against)
    prompts = {one: setup.run_plan.prompts[one] for one in setup.variants}
    key = (setup.cassettes.name, variant, against, sorted(prompts.items()), chosen.plan)
    old = next((one for one in load_confirmations(file) if one.key == key), None)
    if old is not None:
        print(f"newsgauge: confirmed before, on {len(old.posts)} texts; other texts would be a second try")
        plan = plan_of(setup, old.posts)
    else:
        plan = fresh_plan(setup, decided_on(setup.plan, evals / "baselines"), options.posts)
    aside = setup.aside("confirm", setup.variants.values(), recorded_with=variant)
    results = answered(replace(aside, plan=plan), options)
    confirmed = measure(plan.digest, plan.posts, results, variant, against)
    shrunk = shrinkage(chosen, confirmed)
    found = Confirmation(
        setup.cassettes.name,
        variant,
        against,
        prompts,
        chosen,
        confirmed,
        shrunk,
        decide(confirmed, shrunk[1:], is_lead=against is not None),
        tuple(post.id for post in plan.posts),
    )
    print("\n".join(confirmation_lines(found)))
    if found != old:
        with locked(folders.root / ".newsgauge" / "confirm.lock"):  # another confirmation may have ended meanwhile
            save_confirmations(file, [*(one for one in load_confirmations(file) if one.key != found.key), found])
        print(f"newsgauge: written: {file.relative_to(folders.root)}; review and commit it like a baseline")
    about = f"{variant}{f' over {against}' if against else ''}: {' '.join(prompts.values())}"
    for decided in (setup.plan, plan):
        ledger.note("confirm", about, decided)
    for line in ledger.header(setup.plan.digest):
        print(f"newsgauge: {line}")
    return found
