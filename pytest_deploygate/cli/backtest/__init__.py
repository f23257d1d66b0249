"""``deploygate backtest``: what the gate would have said at every step of the past."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_deploygate.core.errors import ConfigurationError

HELP = "judge the criteria at many times of the past: how often would the gate have blocked?"
_EPILOG = """\
Times are RFC 3339 (2026-01-31T12:00:00Z) or Unix seconds. All other arguments are passed to
pytest, which collects the criteria: paths, --prometheus-url, --gate-env, --gate-select and so on.
Tests without a criterion are left out. Unless they are given, --gate-query-timeout is 2m and
--gate-timeout is 10m. Exit code: 0; 2 if something could not be answered, or with --exit-code if
the verdict was NO-GO at any step; 4 if what was given cannot be used.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate backtest``."""
    parser.allow_abbrev = False
    parser.usage = "%(prog)s [options] [gate options] [pytest arguments]"
    parser.epilog = _EPILOG
    parser.set_defaults(pytest_arguments=())
    option = parser.add_argument
    option("--last", metavar="TIME", help="how far back, until now or --gate-at (default: 7d)")
    option("--from", dest="from_", metavar="TIME", help="the first step")
    option("--to", metavar="TIME", help="the end: the last step comes before it")
    option("--step", metavar="TIME", help="from one step to the next (default: 5m)")
    option(
        "--incidents",
        metavar="FILE|EXPR",
        help="CSV of start,end,name, or a PromQL expression that has series during an incident",
    )
    option(
        "--deployments",
        metavar="FILE|EXPR",
        help="CSV of time,name, or a PromQL expression that changes with a deployment",
    )
    option("--suggest", action="store_true", help="suggest limits as lines for [thresholds]")
    option(
        "--against",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="compare with other thresholds, from the same answers; repeatable",
    )
    option("--json", metavar="FILE", type=Path, help="write everything as JSON")
    option("--html", metavar="FILE", type=Path, help="write one HTML page with a calendar")
    option("--exit-code", action="store_true", help="end in 2 if the verdict was ever NO-GO")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary, write the reports, and return the exit code."""
    from pytest_deploygate.cli.backtest import answered, asked, outputs, progress

    try:
        question = asked.asked(arguments)
    except ConfigurationError as error:
        print(f"deploygate backtest: {error}", file=sys.stderr)
        return 4
    try:
        with _spared_garbage_collector():
            report = answered.answered(question, progress.shown)
    except KeyboardInterrupt:
        print("deploygate backtest: interrupted; nothing was written", file=sys.stderr)
        return 2
    complaints = outputs.written(report, arguments, question.run.redactor)
    for text in complaints:
        print(f"deploygate backtest: {text}", file=sys.stderr)
    return 2 if complaints or (arguments.exit_code and report.blocks) else 0


@contextmanager
def _spared_garbage_collector() -> Iterator[None]:
    """Let it search less often: hundreds of thousands of points are not garbage."""
    usual = gc.get_threshold()
    gc.set_threshold(50000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
