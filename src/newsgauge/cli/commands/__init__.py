"""The commands of ``newsgauge``, one a module: each adds its parser, and imports what it needs when it runs."""
