"""No deadline for properties: the first example may pay for an import, and a test asserts no timing."""

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
