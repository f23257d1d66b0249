"""The history of a gate: written by every run, and shown by ``deploygate history``."""
