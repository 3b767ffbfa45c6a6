"""What pytest shows of a run before it begins."""

from __future__ import annotations

import pytest

from .run_state import STATE


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is asked, of whom, and whether anything can leave the machine."""
    state = config.stash.get(STATE, None)
    if state is None:
        return []
    from ..choosing.ledger import open_ledger
    from ..planning.sampling import describe_sample
    from .options import baseline_file

    setup, plan = state.run.setup, state.run.setup.plan
    lines = [
        *(f"newsgauge: {line}" for line in describe_sample(plan)),
        f"newsgauge: variants {', '.join(setup.variants)}",
    ]
    ledger = open_ledger(baseline_file(config, setup)[0])
    lines += [f"newsgauge: {line}" for line in ledger.header(plan.digest)]
    if setup.shard is not None:
        lines.append(f"newsgauge: {setup.run_plan.extent}; newsgauge merge decides the gates")
    for name, training in setup.trainings.items():
        lines.append(f"newsgauge: {name} is trained on {len(training.examples)} {plan.units} ({training.model})")
    for name, shown in setup.examples.items():
        lines.append(
            f"newsgauge: {name} shows {len(shown.posts)} training {plan.units} as examples (digest {shown.digest})"
        )
    doing = "replaying" if setup.replays else f"recording (mode {setup.mode}) into"
    lines.append(f"newsgauge: backend {setup.backend}, {doing} {setup.shown_cassettes}")
    from ..corpora.suspect_labels import labels_written_alike
    from ..gates.min_sample import undecidable
    from ..scoring.spending import retiring

    lines += [
        f"newsgauge: warning: labels that differ only in how they are written are classes of their own: "
        f"{', '.join(map(repr, group))}"
        for group in labels_written_alike(plan.labels)
    ]
    too_few = undecidable(state.gates, plan)
    if too_few:
        note = "a live run of this plan cannot pass" if setup.replays else "whatever is answered, this run cannot pass"
        lines += [f"newsgauge: warning: {len(plan.posts)} {plan.units}: {note}: {text}" for text in too_few]
    if not setup.replays:
        from .gate_hooks import odds_lines

        lines += odds_lines(state.gates, plan, state.baseline)
    if state.not_set:
        lines.append(f"newsgauge: not held with --classes {plan.classes!r}: {', '.join(state.not_set)}")
    models = {name: variant.model for name, variant in setup.variants.items()}
    lines += [f"newsgauge: warning: {note}" for note in retiring(models)]
    return [*lines, *(f"newsgauge: recording {line}" for line in (state.forecast.lines() if state.forecast else ()))]
