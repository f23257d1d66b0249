"""Answer a webhook, such as Flagger's: 200 for a GO, 403 with the reason for everything else.

    python webhook.py --port 8080 [arguments of pytest]

Not 500: Flagger repeats a request that a server could not answer, and then loses the reason.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERIFY = str(Path(sys.executable).with_name("deploygate"))


def verdict(arguments: Sequence[str]) -> tuple[bool, str]:
    """Run the gate: whether it allows to deploy, and the line that says why."""
    with tempfile.TemporaryDirectory() as directory:
        report = f"{directory}/report.json"
        gate = [sys.executable, "-m", "pytest", "-p", "deploygate", f"--gate-json={report}"]
        code = subprocess.run([*gate, *arguments], check=False).returncode
        verify = [VERIFY, "verify", report, f"--exit-code={code}"]
        done = subprocess.run(verify, check=False, capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr


def serve(port: int, arguments: Sequence[str]) -> None:
    """Run a gate for every POST, for ever; a GET says that the server is there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, "running\n")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            allowed, line = verdict(arguments)
            self._answer(200 if allowed else 403, line)

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    ThreadingHTTPServer(("", port), Handler).serve_forever()


if __name__ == "__main__":
    if sys.argv[1:2] != ["--port"]:
        sys.exit(__doc__)
    serve(int(sys.argv[2]), sys.argv[3:])
