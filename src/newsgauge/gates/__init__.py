"""gates.toml, scores and a baseline in; verdicts with reasons out. Knows no pytest and prints nothing."""
