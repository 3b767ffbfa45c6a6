"""Choosing honestly: decisions on a sample are counted, confirmed on fresh posts, and followed through git."""
