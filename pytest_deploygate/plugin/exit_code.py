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
_ONLY_INFORMS = ("help", "version", "markers")
_OUTPUT_GONE = (errno.EPIPE, errno.ENOSPC, errno.EBADF)


class GateExit:
    """How far one gate run came: set by the hooks, read when everything is over.

    ``code`` is the verdict's, ``signal`` the name of one that asked the run to end, whose
    exception a test may have caught, and ``redacted`` takes secrets out of a text.
    """

    started = False
    code: int | None = None
    signal = ""
    redacted: Callable[[str], str] = staticmethod(str)


GATE_EXIT = pytest.StashKey[GateExit]()


def guarded_exit_code(config: pytest.Config) -> Generator[None, Any, Any]:
    """Nothing that goes wrong around the session may end in pytest's 1, or Python's."""
    gate_exit = config.stash[GATE_EXIT] = GateExit()
    try:
        with _terminable(config, gate_exit):
            code = yield
    except pytest.UsageError:
        raise
    except KeyboardInterrupt:
        _say("the run was interrupted")
        raise
    except BaseException as error:
        _print_error(error, gate_exit)
        code = NO_VERDICT
    else:
        code = _concluded(config, gate_exit, code)
    if _flushed():
        return code
    _say("the output could not be written to its end")
    return NO_VERDICT


@contextmanager
def _terminable(config: pytest.Config, gate_exit: GateExit) -> Iterator[None]:
    """A pipeline cancels a job with SIGTERM: that interrupts the run, and the reports say so."""
    here = threading.current_thread() is threading.main_thread() and not _is_worker(config)
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        gate_exit.signal = signal.Signals(number).name
        raise KeyboardInterrupt(gate_exit.signal)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _concluded(config: pytest.Config, gate_exit: GateExit, code: int | None) -> int:
    if gate_exit.started and gate_exit.code is not None:
        return NO_VERDICT if gate_exit.signal else gate_exit.code
    if not gate_exit.started and code == pytest.ExitCode.USAGE_ERROR:
        return code
    only_informs = any(getattr(config.option, name, None) for name in _ONLY_INFORMS)
    if only_informs and not code and not gate_exit.started:
        return 0
    # pytest says nothing of an interrupt that comes before its first test.
    why = gate_exit.signal or (f"pytest's exit code is {code}" if code else "a plugin ended it")
    when = "before its verdict" if gate_exit.started else "before any check was collected"
    _say(f"the run ended {when}: {why}")
    return NO_VERDICT


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        print(f"deploygate: {text}; exit code {NO_VERDICT}", file=sys.stderr, flush=True)


def _print_error(error: BaseException, gate_exit: GateExit) -> None:
    """Print what pytest could not print itself, perhaps because its output is closed."""
    with suppress(OSError, ValueError):
        if isinstance(error, OSError) and error.errno in _OUTPUT_GONE:
            print(f"deploygate: the output was cut short: {error.strerror}", file=sys.stderr)
        else:
            shown = gate_exit.redacted("".join(traceback.format_exception(error)))
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
