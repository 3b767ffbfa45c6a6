"""What a prompt says: its labels, what it says about them, its examples, and the text that is asked about."""
