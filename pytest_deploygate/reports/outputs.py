"""Where a finished report goes, and the order in which it gets there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.text import printable

if TYPE_CHECKING:
    from pytest_deploygate.reports.push import Put


class Output(Protocol):
    """One place where a finished report goes: a file, a server, a log."""

    @property
    def required(self) -> bool:
        """Whether a run without it is NO-GO. What is required is written again when more is found.

        What is not required is written once, and its failure is a notice.
        """

    def write(self, report: GateReport) -> str:
        """Write the report.

        Returns:
            Why it could not be written; empty when it was.
        """


class ReportFile:
    """A file that is whole or not there at all.

    Args:
        origin: the option or the hook that asked for it.
        path: where it is written.
        render: makes its text, whole or in parts.
    """

    required = True

    def __init__(
        self, origin: str, path: Path, render: Callable[[GateReport], str | Iterable[str]]
    ) -> None:
        self.origin = origin
        self.path = path
        self._render = render

    def write(self, report: GateReport) -> str:
        """Write it beside its place and rename it; what cannot be written is not left half."""
        from pytest_deploygate.core.files import discard, write_atomically

        try:
            write_atomically(self.path, self._render(report))
        except (Exception, SystemExit) as error:  # the disk's, or a plugin's that renders
            why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            discard(self.path)
            return f"{self.origin} {self.path}: could not be written: {why}"
        return ""


class Pushgateway:
    """The gate's own metrics in a Prometheus Pushgateway.

    Args:
        url: without credentials.
        put: sends a document there.
        clean: takes secrets out of a text; the server's answer may hold one.
    """

    required = False

    def __init__(self, url: str, put: Put, clean: Callable[[str], str]) -> None:
        self._url = url
        self._put = put
        self._clean = clean

    def write(self, report: GateReport) -> str:
        """Push the metrics, unless they say nothing about production now."""
        from pytest_deploygate.reports.push import not_about_now, push

        why = not_about_now(report) or push(report, self._put)
        text = f"nothing was pushed to --gate-pushgateway {self._url}: {why}"
        return printable(self._clean(text)) if why else ""


class Terminal:
    """The gate's block on the terminal.

    Args:
        writer: pytest's terminal writer.
        files: the report files; those that are there are listed.
        verbosity: pytest's.
    """

    required = False

    def __init__(self, writer: Any, files: Iterable[ReportFile], *, verbosity: int = 0) -> None:
        self._writer = writer
        self._files = tuple(files)
        self._verbosity = verbosity

    def write(self, report: GateReport) -> str:
        """Write the block."""
        from pytest_deploygate.reports.terminal import write

        written = {str(file.path): file.origin for file in self._files if file.path.exists()}
        write(self._writer, report, written, verbosity=self._verbosity)
        return ""


def write_all(
    outputs: Sequence[Output],
    conclude: Callable[[], GateReport],
    failed: Callable[[Output, str], None],
) -> GateReport:
    """Write the required outputs, then the others, and let every report say what failed.

    Args:
        outputs: in the order of their kind.
        conclude: makes the report of what is known at that moment.
        failed: records that an output could not be written, and why.

    Returns:
        The last report: what the run ends with.
    """
    required = [output for output in outputs if output.required]
    report = _write_required(required, conclude, failed)
    for output in outputs:
        if not output.required and (why := output.write(report)):
            failed(output, why)
            report = _write_required(required, conclude, failed)
    return report


def _write_required(
    outputs: Sequence[Output],
    conclude: Callable[[], GateReport],
    failed: Callable[[Output, str], None],
) -> GateReport:
    report = conclude()
    if not _failures(outputs, report, failed):
        return report
    # Those that can be written say which cannot. What fails only now is recorded as well: the
    # exit code and the terminal still come.
    report = conclude()
    if _failures(outputs, report, failed):
        report = conclude()
    return report


def _failures(
    outputs: Iterable[Output], report: GateReport, failed: Callable[[Output, str], None]
) -> int:
    count = 0
    for output in outputs:
        if why := output.write(report):
            failed(output, why)
            count += 1
    return count
