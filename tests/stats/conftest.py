"""No deadline for properties: the first example may pay for an import, and a test asserts no timing."""

import os

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("no-deadline")
