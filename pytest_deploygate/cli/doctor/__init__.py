"""``deploygate doctor``: is everything there that the criteria ask for, and what to do if not."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable

HELP = "examine the server and every metric that the criteria ask for; exit 0 if all is there"
_EPILOG = (
    "Everything else is given to pytest, which collects the criteria: paths, --prometheus-url, "
    "--gate-env and so on. Without a path they are those of gate_checks."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own: what is not known here is for pytest."""
    parser.allow_abbrev = False
    parser.usage = "%(prog)s [pytest arguments, default --pyargs gate_checks]"
    parser.epilog = _EPILOG
    parser.set_defaults(pytest_arguments=())


def run(arguments: argparse.Namespace) -> int:
    """Examine, tell, and end in 0 if everything is there, else in 2.

    Raises:
        ConfigurationError: nothing can be collected, or a recording is to be judged.
    """
    from pytest_deploygate.cli.doctor import checks, server
    from pytest_deploygate.cli.doctor import lines as text
    from pytest_deploygate.core.errors import ConfigurationError
    from pytest_deploygate.plugin.collecting import collect
    from pytest_deploygate.sources.prometheus import PrometheusSource

    collected = collect(arguments.pytest_arguments)
    source = collected.run.source
    if not isinstance(source, PrometheusSource):
        raise ConfigurationError(
            "a recording has no server to examine: leave --gate-replay and --gate-demo out"
        )
    examined = server.examine(collected.run, source)
    found = []
    if not examined.failure:
        found = checks.examine(collected.criteria, collected.run, source)
    command = shlex.join(["pytest", "-p", "deploygate", *collected.arguments])
    _write(text.lines(examined, found, collected.run.redactor.text(command)))
    return 2 if text.problems(examined, found) else 0


def _write(lines: Iterable[str]) -> None:
    """Also to a terminal that does not know every character."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        print(line.encode(encoding, "backslashreplace").decode(encoding))
