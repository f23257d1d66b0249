"""Refuse what would end the process itself, with an exit code that is not the gate's.

``os._exit(1)`` would read as WARNING, and there would be no report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

_FAULTHANDLER = "faulthandler_exit_on_timeout"
_THREAD = "thread"


def refuse_what_ends_the_process(config: pytest.Config) -> None:
    """Refuse settings that are known before any test is collected.

    Raises:
        pytest.UsageError: the time-out of faulthandler, or of pytest-timeout, ends the process.
    """
    if _ini(config, _FAULTHANDLER) and float(_ini(config, "faulthandler_timeout") or 0.0) > 0:
        raise pytest.UsageError(
            f"deploygate: {_FAULTHANDLER} ends the process without a verdict; set it to false, "
            "and limit the time of a test with pytest-timeout's method signal"
        )


def why_it_ends_the_process(item: pytest.Item) -> str:
    """Why a test cannot be run: pytest-timeout would end the process; empty if it would not."""
    config: Any = item.config
    if not hasattr(config, "_env_timeout"):  # pytest-timeout is not there, or is off
        return ""
    mark = item.get_closest_marker("timeout")
    given: Mapping[str, Any] = mark.kwargs if mark else {}
    positional = mark.args if mark else ()
    timeout = positional[0] if positional else given.get("timeout", config._env_timeout)
    method = positional[1] if len(positional) > 1 else given.get("method")
    if not timeout or float(timeout) <= 0 or (method or config._env_timeout_method) != _THREAD:
        return ""
    return (
        f"{item.nodeid}: pytest-timeout's method thread ends the process without a verdict; "
        "use --timeout-method signal"
    )


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (KeyError, ValueError):  # an older pytest, or the plugin is off
        return None
