"""``deploygate init``: begin the checks of a project with what its server has."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_deploygate.config.options import OPTIONS
from pytest_deploygate.core.errors import GateError

if TYPE_CHECKING:
    from pytest_deploygate.config.settings import Settings
    from pytest_deploygate.core.secrets import Redactor

HELP = "write gate_checks/ and deploygate.toml that fit the metrics of the server"
_EPILOG = """\
Nothing that exists is overwritten. Exit code: 0; 4 if a file exists, the server does not answer, or
what was given cannot be used: then nothing is written.
"""
_TAKEN = (
    *("prometheus-url", "prometheus-config", "gate-select", "gate-at"),
    *("gate-query-timeout", "gate-timeout"),
)
"""The options of a gate run that mean the same here."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate init``, some of them those of a gate run."""
    parser.allow_abbrev = False
    parser.epilog = _EPILOG
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="the project (default: this directory)",
    )
    parser.add_argument(
        "--no-server", action="store_true", help="ask no server; the checks are a bare beginning"
    )
    for option in OPTIONS:
        if option.name in _TAKEN:
            parser.add_argument(f"--{option.name}", metavar=option.metavar, help=option.help)


def run(arguments: argparse.Namespace) -> int:
    """Write the files, and say what was found and what to do next."""
    try:
        lines = list(_begun(arguments))
    except GateError as error:
        print(f"deploygate init: {error}", file=sys.stderr)
        return 4
    for line in lines:
        print(line)
    return 0


def _begun(arguments: argparse.Namespace) -> list[str]:
    """Write the files; the lines to print."""
    from pytest_deploygate.cli.init import project
    from pytest_deploygate.cli.init.files import files
    from pytest_deploygate.cli.init.lines import lines
    from pytest_deploygate.cli.init.server import examine
    from pytest_deploygate.engine.run import GateRun

    directory, settings = arguments.directory, _settings(arguments)
    project.refuse_existing(directory)
    run = GateRun(settings, os.environ)
    found = None if arguments.no_server else examine(run)
    config = settings.prometheus_config
    is_given = settings.origins["prometheus-url"].startswith("--")
    url = _harmless(settings.prometheus_url, run.redactor) if is_given else ""
    written = files(
        found,
        url=url,
        config=Path(os.path.relpath(config, directory)).as_posix() if config else "",
        select=settings.gate_select,
    )
    project.write_all(directory, written.texts)
    location, hidden = run.source.info.location, is_given and not url
    return list(lines(found, location, written, directory, url_is_missing=hidden))


def _settings(arguments: argparse.Namespace) -> Settings:
    """Those of the command line and the environment: there is no file yet.

    Raises:
        ConfigurationError: something given cannot be used.
    """
    from pytest_deploygate.config import layers

    given = {name: getattr(arguments, name.replace("-", "_")) for name in _TAKEN}
    return layers.merge(layers.command_line(given, Path.cwd()), layers.environment(os.environ))


def _harmless(url: str, redactor: Redactor) -> str:
    """The URL, if it may stand in a file; empty if it has a password or a key."""
    return url if "@" not in url and redactor.text(url) == url else ""
