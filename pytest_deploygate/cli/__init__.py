"""The command ``deploygate``: it finds the file of a subcommand and runs it."""

# PYTHON_ARGCOMPLETE_OK: for shells that complete every Python command

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pytest_deploygate.core.errors import GateError

# Each module has HELP, add_arguments(parser) and run(arguments) -> exit code. If it sets a default
# for pytest_arguments, it gets the arguments that its parser does not know, in their order.
COMMANDS: dict[str, str] = {
    "init": "pytest_deploygate.cli.init",
    "verify": "pytest_deploygate.cli.verify",
    "doctor": "pytest_deploygate.cli.doctor",
    "backtest": "pytest_deploygate.cli.backtest",
    "ci": "pytest_deploygate.cli.ci",
    "grafana": "pytest_deploygate.cli.grafana",
    "rules": "pytest_deploygate.cli.rules",
    "history": "pytest_deploygate.cli.history",
    "schema": "pytest_deploygate.cli.schema",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Unusable input ends in 2, with one line on standard error."""
    _write_utf8()
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((name for name in given if name in COMMANDS), "")
    parser = _parser(chosen)
    if "_ARGCOMPLETE" in os.environ:  # a shell completes the command line that is being typed
        _complete(parser)
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
    except BrokenPipeError:  # otherwise Python fails again when it exits, and ends in 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2


def _complete(parser: argparse.ArgumentParser) -> None:
    """Print what can follow, and exit; without argcomplete there is nothing to print."""
    try:
        import argcomplete
    except ImportError:
        sys.exit(1)
    argcomplete.autocomplete(parser)


def _write_utf8() -> None:
    """Let files and pipes hold the same bytes on every machine, and a terminal what it can show.

    Without this Python encodes what is redirected as the machine does, on Windows in a code page.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        if out.isatty():
            out.reconfigure(errors="backslashreplace")
        else:
            out.reconfigure(encoding="utf-8", errors="strict")
    if isinstance(sys.stderr, io.TextIOWrapper) and not sys.stderr.isatty():
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")


class _Version(argparse.Action):
    """Print the version; its package's metadata is read only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version

        print(f"deploygate {version('pytest-deploygate')}")
        parser.exit()


def _parser(chosen: str) -> argparse.ArgumentParser:
    """Only the chosen command is imported: the others would slow it down."""
    parser = argparse.ArgumentParser(
        prog="deploygate", description="Commands of the deployment gate that are not a test run."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, home in COMMANDS.items():
        if chosen and name != chosen:
            commands.add_parser(name)
            continue
        module = import_module(home)
        module.add_arguments(commands.add_parser(name, help=module.HELP, description=module.HELP))
    return parser
