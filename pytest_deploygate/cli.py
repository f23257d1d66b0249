"""``deploygate``: what is not a test run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from pytest_deploygate.errors import GateError

# Each module has HELP, add_arguments(parser) and run(arguments) -> exit code.
COMMANDS: dict[str, str] = {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what cannot be used ends in 2 with one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((name for name in given if name in COMMANDS), "")
    parsed = _parser(chosen).parse_args(given)
    try:
        return int(import_module(COMMANDS[parsed.command]).run(parsed))
    except GateError as error:
        print(f"deploygate {parsed.command}: {error}", file=sys.stderr)
        return 2


def _parser(chosen: str) -> argparse.ArgumentParser:
    """Only the module of the command that was chosen is imported."""
    parser = argparse.ArgumentParser(prog="deploygate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, home in COMMANDS.items():
        if chosen and name != chosen:
            commands.add_parser(name)
            continue
        module = import_module(home)
        module.add_arguments(commands.add_parser(name, help=module.HELP, description=module.HELP))
    return parser
