"""Choosing honestly: what a sample has decided, confirmed on fresh posts, traced to lines, followed through git."""
