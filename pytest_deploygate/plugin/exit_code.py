"""The last word on the exit code. It imports nothing of the gate: it must outlive all of it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import pytest

NO_VERDICT = 2
_ONLY_TELLS = ("help", "version", "markers")
_OUTPUT_GONE = (errno.EPIPE, errno.ENOSPC, errno.EBADF)


class Outcome:
    """How far one gate run came: set by the adapter, read when everything is over.

    ``code`` is the verdict's, ``signal`` the name of one that asked the run to end, which a test
    may have swallowed, and ``redacted`` takes secrets out of a text.
    """

    started = False
    code: int | None = None
    signal = ""
    redacted: Callable[[str], str] = staticmethod(str)


OUTCOME = pytest.StashKey[Outcome]()


def guarded_exit_code(config: pytest.Config) -> Generator[None, Any, Any]:
    """Nothing that goes wrong around the session may end in pytest's 1, or Python's."""
    outcome = config.stash[OUTCOME] = Outcome()
    try:
        with _terminable(config, outcome):
            code = yield
    except (pytest.UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        _tell(error, outcome)
        code = NO_VERDICT
    else:
        code = _concluded(config, outcome, code)
    return code if _flushed() else NO_VERDICT


@contextmanager
def _terminable(config: pytest.Config, outcome: Outcome) -> Iterator[None]:
    """A pipeline cancels a job with SIGTERM: that interrupts the run, and the reports tell it."""
    here = threading.current_thread() is threading.main_thread() and not _is_worker(config)
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        outcome.signal = signal.Signals(number).name
        raise KeyboardInterrupt(outcome.signal)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _concluded(config: pytest.Config, outcome: Outcome, code: int | None) -> int:
    if outcome.started:
        return NO_VERDICT if outcome.code is None or outcome.signal else outcome.code
    if code == pytest.ExitCode.USAGE_ERROR:
        return code
    only_tells = any(getattr(config.option, name, None) for name in _ONLY_TELLS)
    return 0 if only_tells and not code else NO_VERDICT


def _tell(error: BaseException, outcome: Outcome) -> None:
    """What pytest could not tell: perhaps because nobody listens any more."""
    with suppress(OSError, ValueError):
        if isinstance(error, OSError) and error.errno in _OUTPUT_GONE:
            print(f"deploygate: the output was cut short: {error.strerror}", file=sys.stderr)
        else:
            shown = outcome.redacted("".join(traceback.format_exception(error)))
            print(shown, file=sys.stderr)


def _flushed() -> bool:
    """A closed pipe or a full disk under the output would make Python end in 1 or 120."""
    # Where there is no stream at all, pytest has already broken down, and would once more.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    flushed = all([_stream_flushed(stream) for stream in (sys.stdout, sys.stderr)])
    # pytest flushes once more, and a stream that a test has closed would make it end in 1.
    sys.stdout = open(os.devnull, "w") if sys.stdout.closed else sys.stdout  # noqa: SIM115
    sys.stderr = open(os.devnull, "w") if sys.stderr.closed else sys.stderr  # noqa: SIM115
    return flushed


def _stream_flushed(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True
