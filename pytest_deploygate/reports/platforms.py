"""The CI systems that a run may be a part of: what they are given besides the reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_deploygate.core.report import GateReport


class GitHubStep:
    """A step of GitHub Actions, whose runner reads three files and every line of the log."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._token = os.urandom(16).hex()

    def begin(self, terminal: Any) -> None:
        """From here on no line of the log is a command, whatever the tests print."""
        terminal.line(f"::stop-commands::{self._token}")

    def end(self, terminal: Any, report: GateReport) -> None:
        """Commands count again, and these are the gate's."""
        from pytest_deploygate.reports import github

        terminal.line(f"::{self._token}::")
        for annotation in github.annotated(report):
            terminal.line(annotation)

    def write(self, report: GateReport) -> list[str]:
        """Append to the summary and the outputs; what could not be written is a notice."""
        notices = []
        for name, what in (("GITHUB_STEP_SUMMARY", "summary"), ("GITHUB_OUTPUT", "outputs")):
            path = self._environ.get(name)
            if not path:
                continue
            try:
                self._append(Path(path), report, what)
            except OSError as error:
                told = error.strerror or error
                notices.append(f"GitHub's {what} could not be written: {told} (${name})")
        return notices

    def _append(self, path: Path, report: GateReport, what: str) -> None:
        from pytest_deploygate.reports import github

        with path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            gap = "\n" if file.read(1) not in (b"", b"\n") else ""
            if what == "outputs":
                text = github.outputs(report)
            else:
                text = github.summary(report, github.SUMMARY_BYTES - size - len(gap))
                if not text:
                    raise OSError(f"the step has used its {github.SUMMARY_BYTES} bytes")
            file.write((gap + text).encode())


def github_step(environ: Mapping[str, str]) -> GitHubStep | None:
    """The step that this process is, in a job of GitHub Actions."""
    return GitHubStep(environ) if environ.get("GITHUB_ACTIONS") == "true" else None


def path_in_project(page: Path | None, environ: Mapping[str, str]) -> str:
    """A page's path as GitLab links it from a failed case; empty elsewhere."""
    project = environ.get("CI_PROJECT_DIR")
    if page is None or not project:
        return ""
    path, root = page.resolve(), Path(project).resolve()
    relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    return "" if set("[]|") & set(relative) else relative
