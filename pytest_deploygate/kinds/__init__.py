"""The kinds of criteria, one a file: what to ask, how to decide, how to say it."""
