"""The ``newsgauge`` command. Does not know pytest."""
