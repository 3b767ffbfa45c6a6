"""Hypothesis profiles for the property tests: how long they look for counter-examples.

``HYPOTHESIS_PROFILE=thorough pytest evals`` looks hard; without it ``ci`` where CI is set, else ``dev``.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadline and no check for slow examples: these say more about the machine than about the code.
_EVERYWHERE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=20, **_EVERYWHERE)
settings.register_profile("ci", max_examples=100, derandomize=True, database=None, **_EVERYWHERE)
settings.register_profile("thorough", max_examples=10_000, **_EVERYWHERE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
