"""gates.toml, scores and a baseline in; verdicts with reasons out. Does not know pytest and prints nothing."""
