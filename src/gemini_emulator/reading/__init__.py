"""Reads a prompt: its labels, their descriptions, its examples, and the text to classify."""
