"""pytest in processes of their own that do not have to import pytest first.

Most of the time of a small run goes into importing pytest, pytest-xdist, the libraries and the
gate. A server imports them once and forks a process for each run, and for each worker that
pytest-xdist starts. The checks are imported anew in every process. A test needs a new interpreter
instead where it depends on how Python starts or on what has been imported.

This file is run as a script, so that a forked process finds no module of these tests.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

LIBRARIES = (
    *("xdist.dsession", "xdist.remote", "xdist.workermanage"),
    *("requests", "tenacity", "jinja2", "junit_xml", "jsonschema", "prometheus_client", "yaml"),
)
FOLDERS = ("actions", "config", "http", "plugin", "promql", "reports", "sources")
"""The folders of the package that are imported: none of them loads numpy."""
WITHOUT = ("-p", "no:hypothesispytest", "-p", "no:syrupy")
"""Plugins of development tools, which take longer to load than a gate takes to run."""
NUMBER = 8  # bytes
NOT_RUN = 99  # the exit code of a process that did not come as far as its arguments
INTERRUPTED = -signal.SIGINT
LONGEST_SECONDS = 120.0


class Process:
    """A forked process, with what execnet uses of a `subprocess.Popen`."""

    def __init__(
        self,
        server: str,
        arguments: Sequence[str],
        streams: Sequence[int],
        environment: Mapping[str, str],
    ) -> None:
        """Have the server run Python with these arguments and standard streams, in this directory.

        Raises:
            OSError: the server is gone.
        """
        self.returncode: int | None = None
        request = {
            "server": server,
            "arguments": list(arguments),
            "environment": dict(environment),
            "directory": os.getcwd(),
        }
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(server)
        socket.send_fds(self._connection, [b"\n"], list(streams))
        self._connection.sendall(json.dumps(request).encode())
        self._connection.shutdown(socket.SHUT_WR)
        self.pid = self._number()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code; it is negative where a signal ended the process.

        Raises:
            subprocess.TimeoutExpired: the process still runs.
            EOFError: nothing is known of the process.
        """
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                self.returncode = self._number()
            except TimeoutError:
                raise subprocess.TimeoutExpired("pytest", timeout or 0) from None
            self._connection.close()
        return self.returncode

    def _number(self) -> int:
        answer = self._connection.recv(NUMBER)
        if len(answer) != NUMBER:  # no bytes must not read as exit code 0
            raise EOFError("the process that forks the gates under test has ended")
        return int.from_bytes(answer, "big", signed=True)

    def kill(self) -> None:
        """End the process."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


@contextmanager
def fork_server(directory: Path) -> Iterator[str]:
    """Run the server; the address is a socket in this directory."""
    address = str(directory / "fork")
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    server = subprocess.Popen(
        [sys.executable, "-P", __file__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        assert server.stdout.readline() == b"ready\n"
        yield address
        server.stdin.close()


def run_pytest(server: str, directory: Path, *arguments: str | Path) -> pytest.RunResult:
    """Run pytest in this directory, where its temporary files are kept too."""
    number = sum(1 for path in directory.iterdir() if path.name.startswith("runpytest-"))
    command = ["-m", "pytest", f"--basetemp={directory}/runpytest-{number}", *map(str, arguments)]
    begun = time.monotonic()
    with (
        open(os.devnull) as nothing,
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
    ):
        streams = [file.fileno() for file in (nothing, out, err)]
        process = Process(server, command, streams, os.environ)
        try:
            code = process.wait(LONGEST_SECONDS)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        output, errors = out.read().splitlines(), err.read().splitlines()
    print(*output, *errors, sep="\n")
    return pytest.RunResult(code, output, errors, time.monotonic() - begun)


def serve(address: str) -> None:
    """Fork a process for each request, until standard input ends."""
    write_bytecode()
    import_pytest("--markers", "--noconftest", "-p", "no:deploygate", plugin=ImportsFolders())
    for name in LIBRARIES:
        importlib.import_module(name)
    fork_workers_too()
    gc.freeze()  # a search for garbage would copy all of it into every process
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, reap)
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                supervise(connection)
            connection.close()


def reap(*_: object) -> None:
    """Wait for the supervisors that have ended, so that their time counts as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def import_pytest(*arguments: str, plugin: object = None) -> None:
    """Run pytest in this process, which imports it and its plugins."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        pytest.main([*WITHOUT, *arguments], [plugin])


def write_bytecode() -> None:
    """Compile what is tested once: else every process does, as pytest rewrites its assertions."""
    pid = os.fork()
    if pid == 0:
        sys.dont_write_bytecode = False
        os.chdir(os.path.dirname(sys.argv[1]))
        checks = ("--collect-only", "--gate-demo=go", "--pyargs", "gate_checks")
        import_pytest("-p", "deploygate", *checks, plugin=ImportsEverything())
        os._exit(0)
    os.waitpid(pid, 0)


class ImportsEverything:
    """A plugin that imports every module of the package."""

    def pytest_collection(self) -> None:
        """Import them while pytest rewrites assertions."""
        import_modules("pytest_deploygate")


class ImportsFolders:
    """A plugin that imports the modules that most gates need."""

    def pytest_configure(self) -> None:
        """Import them while pytest rewrites assertions, before it prints the marks and ends."""
        for folder in FOLDERS:
            import_modules(f"pytest_deploygate.{folder}")


def import_modules(name: str) -> None:
    """Import a package and everything in it."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(module.name)


def supervise(connection: socket.socket) -> NoReturn:
    """Fork the process that was asked for, and answer its number and then its exit code."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        text = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        pid = os.fork()
        if pid == 0:
            connection.close()
            become(json.loads(text), streams)
        close(0, 1, 2, *streams)  # or else nobody sees the end of a pipe
        connection.sendall(pid.to_bytes(NUMBER, "big", signed=True))
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        connection.sendall(code.to_bytes(NUMBER, "big", signed=True))
    finally:
        os._exit(0)


def close(*numbers: int) -> None:
    """Close these files."""
    for number in numbers:
        os.close(number)


def become(request: Any, streams: Sequence[int]) -> NoReturn:
    """Be what a new interpreter would be: run the arguments, and end as Python ends."""
    code = NOT_RUN
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        close(*streams)
        SERVER.append(request["server"])
        os.chdir(request["directory"])
        os.environ.clear()
        os.environ.update(request["environment"])
        open_streams()
        code = exit_code(request["arguments"])
        if code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        os._exit(code & 0xFF)


def open_streams() -> None:
    """Give Python the standard streams that the process has now."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode = "w" if number else "r"
        errors = "backslashreplace" if name == "stderr" else "strict"
        stream = open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def exit_code(arguments: Sequence[str]) -> int:
    """Run the arguments, and what Python does at its end."""
    code = 0
    try:
        run(arguments)
    except SystemExit as left:
        if left.code is not None and not isinstance(left.code, int):
            print(left.code, file=sys.stderr)
            code = 1
        else:
            code = left.code or 0
    except BaseException as error:
        traceback.print_exc()
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = 120
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    return code


def run(arguments: Sequence[str]) -> None:
    """Run ``-m pytest ...`` or ``-u -c ...``."""
    kind, what, *rest = [argument for argument in arguments if argument != "-u"]
    sys.argv = [kind, *rest]
    sys.path[:] = ["" if kind == "-c" else os.getcwd(), *sys.path]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(what, vars(main))


SERVER: list[str] = []
"""The address of the server that forked this process."""


def fork_workers_too() -> None:
    """Have execnet start the workers of pytest-xdist through the server."""
    from execnet.gateway_base import Popen2IO
    from execnet.gateway_io import Popen2IOMaster, popen_bootstrapline

    def start(self: Any, arguments: Sequence[str], execmodel: Any) -> None:
        assert list(arguments) == [sys.executable, "-u", "-c", popen_bootstrapline]
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        streams = (theirs_in, theirs_out, 2)
        self.popen = Process(SERVER[0], arguments[1:], streams, os.environ)
        close(theirs_in, theirs_out)
        Popen2IO.__init__(self, open(ours_in, "wb"), open(ours_out, "rb"), execmodel)  # noqa: SIM115

    Popen2IOMaster.__init__ = start  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    serve(sys.argv[1])
