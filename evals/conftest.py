"""Hypothesis profiles for the property tests: how long they look for counter-examples.

``HYPOTHESIS_PROFILE=thorough pytest evals`` looks hard; without it ``ci`` where CI is set, else ``dev``.
"""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline anywhere: how long one example takes says more about the machine than about the code.
settings.register_profile("dev", deadline=None, max_examples=20)
settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True, database=None)
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
