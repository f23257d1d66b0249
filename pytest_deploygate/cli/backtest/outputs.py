"""Where a backtest goes: the terminal, a JSON file and a page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_deploygate.core.backtest import BacktestReport
from pytest_deploygate.core.files import write_atomically
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.reports.backtest import document, summary

Render = Callable[[], str]


def written(
    report: BacktestReport, arguments: argparse.Namespace, redactor: Redactor
) -> tuple[str, ...]:
    """Write everything; go on where one thing cannot be written.

    Returns:
        What went wrong: of the backtest, and of its files.
    """
    files: dict[str, tuple[Path | None, Render]] = {
        "--json": (arguments.json, lambda: document.render(report, redactor)),
        "--html": (arguments.html, lambda: _page(report, redactor)),
    }
    asked = {option: (path, render) for option, (path, render) in files.items() if path}
    complaints = [
        complaint
        for option, (path, render) in asked.items()
        for complaint in _write(option, path, render)
    ]
    for line in summary.lines(report, {str(path): option for option, (path, _) in asked.items()}):
        _print(redactor.text(line))
    sys.stdout.flush()
    return (*(redactor.text(text) for text in report.problems), *complaints)


def _page(report: BacktestReport, redactor: Redactor) -> str:
    from pytest_deploygate.reports.backtest.page import render

    return redactor.text(render(report))


def _write(option: str, path: Path | None, render: Render) -> Iterator[str]:
    assert path is not None
    try:
        write_atomically(path, render())
    except OSError as error:
        yield f"{option} {path}: could not be written: {error.strerror}"


def _print(line: str) -> None:
    """Escape what the encoding of the terminal lacks, so that printing cannot fail."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding))
