"""Patterns of ids of checks."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(id_: str, pattern: str) -> bool:
    """Whether a pattern is for the check of an id; ``*`` and ``?`` stand for anything."""
    # Ids such as up[app] have brackets, which would be a set of characters.
    return id_ == pattern or fnmatchcase(id_, pattern.replace("[", "[[]"))
