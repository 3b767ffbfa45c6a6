"""Faults on demand: which call fails, how, and what a spoiled answer looks like."""
