"""``deploygate grafana``: the criteria as a Grafana dashboard."""

from __future__ import annotations

import argparse
import warnings
from importlib import import_module

from pytest_deploygate.cli.exports.exported_gate import ExportedGate, exported_gate, write
from pytest_deploygate.cli.exports.exported_gate import add_arguments as add_shared
from pytest_deploygate.core.errors import ConfigurationError

HELP = "print a Grafana dashboard with the verdict, all checks, and a chart for each criterion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate grafana``."""
    add_shared(parser)
    parser.add_argument(
        "--title",
        default="Deployment gate",
        help="title of the dashboard (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the dashboard."""
    gate = exported_gate("grafana", arguments.pytest_arguments)
    return write(dashboard(gate, arguments.title), arguments.output)


def dashboard(gate: ExportedGate, title: str) -> str:
    """The dashboard as JSON.

    Raises:
        ConfigurationError: Grafana's library is missing or has another version.
    """
    try:
        with warnings.catch_warnings():
            # the library calls its own class deprecated, but few Grafanas import version 2 yet
            warnings.simplefilter("ignore", DeprecationWarning)
            module = import_module("pytest_deploygate.cli.exports.dashboard")
    except (ImportError, AttributeError):  # pip may install the oldest release as the newest
        raise ConfigurationError(
            "Grafana's library is missing or has another version: "
            "pip install 'pytest-deploygate[grafana]'"
        ) from None
    text: str = module.render(gate, title)
    return text
