"""Import the functions that the configuration names as ``package.module:function``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pytest_deploygate.actions.base import Context
from pytest_deploygate.core.errors import ConfigurationError

REFERENCE = {
    "type": "string",
    "pattern": r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$",
    "description": "as in package.module:function",
}
"""The JSON Schema of such a name."""


def load(reference: str, context: Context) -> Callable[..., Any]:
    """Import a function, also from a module beside the configuration.

    Raises:
        ConfigurationError: the function does not exist, or its module cannot be imported.
    """
    module, _, name = reference.partition(":")
    if str(context.directory) not in sys.path:
        # At the end: a module of the project must not hide an installed one of the same name.
        sys.path.append(str(context.directory))
    try:
        function = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"function {reference!r} cannot be imported: {type(error).__name__}: {error}"
        ) from None
    if not callable(function):
        raise ConfigurationError(f"function {reference!r} cannot be called")
    found: Callable[..., Any] = function
    return found
