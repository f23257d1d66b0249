"""``deploygate schema``: the JSON Schema of ``deploygate.toml``."""

from __future__ import annotations

import argparse
import sys

HELP = "print the JSON Schema of deploygate.toml, for editors and other tools"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    """Print the schema, with the kinds of actions of this package."""
    sys.stdout.write(text())
    return 0


def text() -> str:
    """The schema as JSON; ``schemas/deploygate.schema.json`` is the same."""
    from pytest_deploygate.actions.registry import known_kinds, schema
    from pytest_deploygate.config.schema import published

    return published(schema(known_kinds()))
