"""Renders what was computed elsewhere: terminal lines and files. Computes nothing."""
