"""What is put in order after a recording: a setup in, its files sorted; complaints out where one could not be."""

from __future__ import annotations

from ..errors import CassetteError
from ..running.run_config import Setup, open_recorder


def finalize_files(setup: Setup) -> list[str]:
    """Sort each variant's lines and drop doubles; in mode ``rewrite`` also what is not planned."""
    complaints = []
    recorder = open_recorder(setup)
    for variant in setup.variants:
        try:
            recorder.finalize(variant, {post.id for post in setup.plan.posts})
        except OSError as error:
            complaints.append(
                f"{setup.shown_cassettes}/{variant}.jsonl: recorded, but not sorted: {error.strerror or error}. "
                "Nothing is lost; run: newsgauge cassettes finalize"
            )
        except CassetteError as error:
            complaints.append(str(error))
    return complaints
