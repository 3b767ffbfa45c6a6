"""The embedded backend: a loopback HTTP server that speaks the Gemini REST API to the real SDK.

A small model of its own, neither a recording nor a mock of fixed answers: it names newsgroups by their names,
and trains on the examples it is sent. Usable alone: ``python -m gemini_emulator``.
"""
