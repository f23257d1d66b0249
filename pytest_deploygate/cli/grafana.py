"""``deploygate grafana``: the criteria as a Grafana dashboard."""

from __future__ import annotations

import argparse
import hashlib
import re
import warnings
from importlib import import_module

from pytest_deploygate.cli.exports.exported_gate import ExportedGate, exported_gate, write
from pytest_deploygate.cli.exports.exported_gate import add_arguments as add_shared
from pytest_deploygate.core.errors import ConfigurationError

HELP = "print a Grafana dashboard with the verdict, all checks, and a chart for each criterion"

TITLE = "Deployment gate"
_LONGEST_UID = 40  # characters, a limit of Grafana


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate grafana``."""
    add_shared(parser)
    parser.add_argument(
        "--title",
        default=TITLE,
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
    own = "" if title == TITLE else title
    text: str = module.render(gate, title, uid(gate.project, gate.selection, gate.environment, own))
    return text


def uid(project: str, selection: str, environment: str, title: str) -> str:
    """Always the same, so that an import replaces the dashboard, and no other one.

    A slug alone would make one of two names that differ in case, in a sign, or far behind.

    Args:
        project: where the gate lies in its repository.
        selection: the matchers that narrow its queries, as PromQL.
        environment: of the gate, empty for none.
        title: of the dashboard, empty for the usual one.
    """
    named = f"deploygate {project} {environment} {title}".lower()
    slug = re.sub(r"[^a-z0-9]+", "-", named)[: _LONGEST_UID - 9].strip("-")
    given = "\0".join((project, selection, environment, title))
    return f"{slug}-{hashlib.sha256(given.encode()).hexdigest()[:8]}"
