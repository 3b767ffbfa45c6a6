"""The commands of ``newsgauge``, one per module. Each adds its parser, and imports what it needs when it runs."""
