"""``deploygate grafana``: the criteria as a Grafana dashboard."""

from __future__ import annotations

import argparse
import warnings
from importlib import import_module

from pytest_deploygate.cli.gate import Gate, gate_of, write
from pytest_deploygate.cli.gate import add_arguments as add_shared
from pytest_deploygate.core.errors import ConfigurationError

HELP = "print a Grafana dashboard: the light, all checks, and each criterion with its limit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate grafana``."""
    add_shared(parser)
    parser.add_argument(
        "--title",
        default="Deployment gate",
        help="the dashboard's title (default %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the dashboard."""
    gate = gate_of("grafana", arguments.pytest_arguments)
    return write(dashboard(gate, arguments.title), arguments.output)


def dashboard(gate: Gate, title: str) -> str:
    """The dashboard as JSON.

    Raises:
        ConfigurationError: Grafana's library is not installed, or not as it is needed.
    """
    try:
        with warnings.catch_warnings():
            # it warns of its own class: dashboards of version 2 are what few Grafanas can import
            warnings.simplefilter("ignore", DeprecationWarning)
            module = import_module("pytest_deploygate.cli.dashboard")
    except (ImportError, AttributeError):  # what pip takes for its newest version is its oldest
        raise ConfigurationError(
            "Grafana's library is missing, or is another version: "
            "pip install 'pytest-deploygate[grafana]'"
        ) from None
    text: str = module.render(gate, title)
    return text
