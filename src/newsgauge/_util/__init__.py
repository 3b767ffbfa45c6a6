"""Helpers that know no concept of newsgauge: files, processes, configuration of pytest, secrets."""
