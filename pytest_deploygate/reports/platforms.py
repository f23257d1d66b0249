"""The CI systems that a run may be a part of: what they are given besides the reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pytest_deploygate.core.report import GateReport


class GitHubFile:
    """A file that GitHub's runner reads when a step has ended; other steps write into it too.

    Args:
        content: what is appended, the step's ``summary`` or its ``outputs``.
        variable: the environment variable that names the file.
        path: the file.
    """

    required = False

    def __init__(self, content: Literal["summary", "outputs"], variable: str, path: Path) -> None:
        self._content = content
        self._variable = variable
        self._path = path

    def write(self, report: GateReport) -> str:
        """Append to the file."""
        try:
            self._append(report)
        except OSError as error:
            why = f"could not be written: {error.strerror or error}"
            return f"GitHub's {self._content} {why} (${self._variable})"
        return ""

    def _append(self, report: GateReport) -> None:
        with self._path.open("ab+") as file:
            file.seek(0)
            before = file.read()
            gap = "" if before.endswith(b"\n") or not before else "\n"
            file.write((gap + self._text(report, before, len(gap))).encode())

    def _text(self, report: GateReport, before: bytes, gap: int) -> str:
        from pytest_deploygate.reports import github

        if self._content == "outputs":
            return github.outputs(report, before.decode("utf-8", "replace"))
        text = github.summary(report, github.SUMMARY_BYTES - len(before) - gap)
        if not text:
            raise OSError(f"the step has used its {github.SUMMARY_BYTES} bytes")
        return text


class GitHubLog:
    """The log of a step of GitHub Actions, whose runner obeys commands in it.

    Args:
        writer: pytest's terminal writer.
    """

    required = False

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._token = os.urandom(16).hex()

    def begin(self) -> None:
        """From here on no line of the log is a command, whatever the tests print."""
        self._writer.line(f"::stop-commands::{self._token}")

    def write(self, report: GateReport) -> str:
        """Commands count again, and these are the gate's annotations."""
        from pytest_deploygate.reports import github

        self._writer.line(f"::{self._token}::")
        for annotation in github.annotated(report):
            self._writer.line(annotation)
        return ""


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether this process is a step of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def github_files(environ: Mapping[str, str]) -> list[GitHubFile]:
    """The files that this step may append to; none elsewhere."""
    if not on_github(environ):
        return []
    files: list[GitHubFile] = []
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        files.append(GitHubFile("summary", "GITHUB_STEP_SUMMARY", Path(summary)))
    if outputs := environ.get("GITHUB_OUTPUT"):
        files.append(GitHubFile("outputs", "GITHUB_OUTPUT", Path(outputs)))
    return files


def path_in_project(page: Path | None, environ: Mapping[str, str]) -> str:
    """A page's path as GitLab links it from a failed case; empty elsewhere."""
    project = environ.get("CI_PROJECT_DIR")
    if page is None or not project:
        return ""
    path, root = page.resolve(), Path(project).resolve()
    relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    return "" if set("[]|") & set(relative) else relative
