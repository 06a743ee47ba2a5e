"""Timings of the parts of training, and of reading pictures."""
