"""newsgauge: how well Gemini model variants name the newsgroup a post came from, as pytest runs with gates."""

__version__ = "0.1.0"
