"""``deploygate history FILE``: what the gate said until now."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pytest_deploygate.cli.written import write_file
from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.errors import ConfigurationError

HELP = "show the verdicts of a file that --gate-history wrote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate history``."""
    parser.add_argument("file", metavar="FILE", type=Path, help="file that --gate-history wrote")
    parser.add_argument(
        "--last", metavar="TIME", default="30d", help="how far back (default: %(default)s)"
    )
    parser.add_argument("--env", metavar="NAME", default="", help="only this environment")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all of it as JSON")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write it as one HTML page")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary and write the files.

    Raises:
        ConfigurationError: something given cannot be used, or a file cannot be written.
    """
    from pytest_deploygate.reports.history import document, page, reading, summary

    now = time.time()
    begin = max(0.0, now - seconds(arguments.last))  # what is before 1970 may be no date
    history = reading.read(arguments.file, begin=begin, end=now, environment=arguments.env)
    if not history.entries:
        of = f" of {arguments.env}" if arguments.env else ""
        raise ConfigurationError(
            f"{arguments.file}: has no verdict{of} of the last {arguments.last}; "
            "give a longer --last"
        )
    for line in summary.lines(history):
        print(line)
    if arguments.json:
        write_file("--json", arguments.json, document.render(history))
    if arguments.html:
        write_file("--html", arguments.html, page.render(history))
    return 0
