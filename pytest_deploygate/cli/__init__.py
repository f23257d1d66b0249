"""``deploygate``: what is not a test run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pytest_deploygate.core.errors import GateError

# Each module has HELP, add_arguments(parser) and run(arguments) -> exit code. One that sets the
# default of pytest_arguments is given what its parser does not know, in the order it was written.
COMMANDS: dict[str, str] = {
    "verify": "pytest_deploygate.cli.verify",
    "doctor": "pytest_deploygate.cli.doctor",
    "ci": "pytest_deploygate.cli.ci",
    "grafana": "pytest_deploygate.cli.grafana",
    "rules": "pytest_deploygate.cli.rules",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what cannot be used ends in 2 with one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((name for name in given if name in COMMANDS), "")
    parser = _parser(chosen)
    parsed, rest = parser.parse_known_args(given)
    if rest and not hasattr(parsed, "pytest_arguments"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    parsed.pytest_arguments = rest
    try:
        code = int(import_module(COMMANDS[parsed.command]).run(parsed))
        sys.stdout.flush()
        return code
    except GateError as error:
        print(f"deploygate {parsed.command}: {error}", file=sys.stderr)
    except BrokenPipeError:  # else Python would fail once more at its end, and end in 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2


def _parser(chosen: str) -> argparse.ArgumentParser:
    """Only the module of the command that was chosen is imported."""
    parser = argparse.ArgumentParser(prog="deploygate", description="The gate without a test run.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, home in COMMANDS.items():
        if chosen and name != chosen:
            commands.add_parser(name)
            continue
        module = import_module(home)
        module.add_arguments(commands.add_parser(name, help=module.HELP, description=module.HELP))
    return parser
