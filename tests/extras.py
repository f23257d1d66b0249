"""Libraries that are extras: their tests are skipped without them, but never in CI."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def needs(library: str) -> None:
    """Skip the rest of a module without this library; in CI its import fails."""
    if find_spec(library) is None and not os.environ.get("CI"):
        pytest.skip(f"NOT TESTED: {library} is not installed", allow_module_level=True)
