"""A command whose output nobody reads does not end in 1, Python's own exit code for an error."""

from __future__ import annotations

import subprocess
import sys

from tests import servers

MAIN = "import sys; from pytest_deploygate.cli import main; sys.exit(main())"


def test_a_closed_pipe_ends_in_2_without_a_traceback() -> None:
    url = f"http://127.0.0.1:{servers.free_port()}"
    command = [sys.executable, "-c", MAIN, "doctor", "--prometheus-url", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 2
