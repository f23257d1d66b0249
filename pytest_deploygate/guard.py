"""The last word on the exit code. It imports nothing of the gate: it must outlive all of it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator
from typing import Any

import pytest

NO_VERDICT = 2


class Outcome:
    """How far one gate run came: set by the adapter, read when everything is over."""

    started = False
    code: int | None = None


OUTCOME = pytest.StashKey[Outcome]()


def guarded_exit_code(config: pytest.Config) -> Generator[None, Any, Any]:
    """Nothing that goes wrong around the session may end in pytest's 1, or Python's."""
    outcome = config.stash[OUTCOME] = Outcome()
    try:
        code = yield
    except (pytest.UsageError, KeyboardInterrupt):
        raise
    except BaseException:
        traceback.print_exc()
        return NO_VERDICT
    if outcome.started:
        code = NO_VERDICT if outcome.code is None else outcome.code
    elif int(code or 0) not in (0, int(pytest.ExitCode.USAGE_ERROR)):
        code = NO_VERDICT
    return code if _flushed() else NO_VERDICT


def _flushed() -> bool:
    """A closed pipe or a full disk under the output would make Python end in 1 or 120."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        return False
    return True
