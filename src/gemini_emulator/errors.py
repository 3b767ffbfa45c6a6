"""What can go wrong before a call: the server cannot start, or was started with something it cannot use.

EmulatorError
├── OptionError   an option or a file of the operator's is wrong
└── StartError    no port, no state, or no start in time

What a client does wrong is no exception of these: it is answered as the service would (`wire.api_errors`).
"""

from __future__ import annotations


class EmulatorError(Exception):
    """Root of the errors that this package raises on purpose; the message says what to do next."""


class OptionError(EmulatorError):
    """An option or a file that the operator wrote is wrong."""


class StartError(EmulatorError):
    """The server could not be started."""
