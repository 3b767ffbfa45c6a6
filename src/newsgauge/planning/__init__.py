"""Posts in; which of them are asked, on which machine, and trained on which, out. Does not know who is asked."""
