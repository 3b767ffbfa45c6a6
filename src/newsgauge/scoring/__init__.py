"""Results in; scores, comparisons, tokens and cost out. Knows no client, no cassette and no run."""
