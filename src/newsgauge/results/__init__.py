"""Results and scores in, the results folder out; and that folder in, a finished run out, checked."""
