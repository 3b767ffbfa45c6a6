"""Errors of the operator's: the server cannot start, was started with something it cannot use, or cannot store.

EmulatorError
├── OptionError   an option or a file of the operator's is wrong
├── StartError    no port, no state, or no start in time
└── StorageError  the disk of the state takes no more

Mistakes of a client are not among them: they get the service's own error responses (`wire.api_errors`).
"""

from __future__ import annotations


class EmulatorError(Exception):
    """Root of the errors that this package raises on purpose; the message says what to do next."""


class OptionError(EmulatorError):
    """An option or a file that the operator wrote is wrong."""


class StartError(EmulatorError):
    """The server could not be started."""


class StorageError(EmulatorError):
    """A change could not be stored; the state is as it was before."""
