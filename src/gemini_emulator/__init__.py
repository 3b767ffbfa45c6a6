"""The embedded backend: a loopback HTTP server that speaks the Gemini REST API to the real SDK.

It is a small model, neither a recording nor a mock of fixed answers: it reads prompts by word vectors, and trains on
the examples it is sent. It works alone: ``python -m gemini_emulator``.
"""
