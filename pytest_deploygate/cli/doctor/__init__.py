"""``deploygate doctor``: find out which metrics of the criteria are missing, and what to do."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable

HELP = (
    "examine the server and every metric of the criteria: exit code 0 if nothing is missing, else 2"
)
_EPILOG = (
    "All arguments are passed to pytest, which collects the criteria: paths, --prometheus-url, "
    "--gate-env and so on. Without a path they are those of a bare pytest -p deploygate here, else "
    "those that ship."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option of its own: every other argument is passed to pytest."""
    parser.allow_abbrev = False
    parser.usage = "%(prog)s [--strict] [pytest arguments]"
    parser.add_argument(
        "--strict",
        action="store_true",
        help="also find what may mislead: exit code 2 if anything is found",
    )
    parser.epilog = _EPILOG
    parser.set_defaults(pytest_arguments=())


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; return 0 if nothing is missing, or found by ``--strict``, else 2.

    Raises:
        ConfigurationError: nothing can be collected, or the source is a recording.
    """
    from pytest_deploygate.cli.doctor import checks, server, strict
    from pytest_deploygate.cli.doctor import lines as text
    from pytest_deploygate.core.errors import ConfigurationError
    from pytest_deploygate.plugin.collecting import collect
    from pytest_deploygate.sources.prometheus import PrometheusSource

    collected = collect(arguments.pytest_arguments, inline=True)
    source = collected.run.source
    if not isinstance(source, PrometheusSource):
        raise ConfigurationError(
            "a recording has no server to examine; run without --gate-replay and --gate-demo"
        )
    examined = server.examine(collected.run, source)
    found = checks.Examined() if examined.failure else checks.examine(collected, source)
    command = shlex.join(["pytest", "-p", "deploygate", *collected.arguments])
    findings = None
    if arguments.strict and not examined.failure:
        findings = strict.examine(collected.run, source, found)
    _write(text.lines(examined, found, findings, collected.run.redactor.text(command)))
    failed = text.problems(examined, found) or (findings and findings.found)
    return 2 if failed else 0


def _write(lines: Iterable[str]) -> None:
    """Escape what the encoding of the terminal lacks, so that printing cannot fail."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        print(line.encode(encoding, "backslashreplace").decode(encoding))
