"""Import the gate's own modules with Python's importer instead of pytest's.

pytest rewrites the ``assert`` statements of every module in a distribution that has a plugin. It
cannot use the bytecode that pip compiled, and keeps bytecode of its own. Where it may not write any
(``PYTHONDONTWRITEBYTECODE=1`` is common in images), and in the first run of a fresh container, it
compiles every module of the gate: a third of the time of a short run. The gate's modules have no
``assert``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pytest

# Not gate_checks: a project's own checks have this name too, and their asserts are rewritten.
_OWN = "pytest_deploygate."


class OwnModules:
    """An entry of ``sys.meta_path`` that answers for the gate's own modules only."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of the gate as Python does; None for every other module."""
        return PathFinder.find_spec(name, path, target) if name.startswith(_OWN) else None


def import_own_modules_plainly(config: pytest.Config) -> None:
    """Put :class:`OwnModules` before pytest's import hook, until pytest is done."""
    finder = OwnModules()
    sys.meta_path.insert(0, finder)

    def remove() -> None:
        # pytester restores sys.meta_path before this is called
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)

    config.add_cleanup(remove)
