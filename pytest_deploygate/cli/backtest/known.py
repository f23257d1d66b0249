"""Incidents and deployments: a CSV file, or an expression."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.series import InstantQuery
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.scope import Scope


class Given(NamedTuple):
    """What an option was given: the text of a file, or an expression."""

    option: str
    file: str = ""
    text: str = ""
    expr: str = ""


def file_or_expression(option: str, given: str | None, scope: Scope) -> Given | None:
    """What was given; None if nothing was.

    Raises:
        ConfigurationError: it is neither a file that can be read nor an expression.
    """
    if given is None:
        return None
    path = Path(given)
    try:
        if path.is_file():
            return Given(option, file=given, text=path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise ConfigurationError(f"{option} {given}: cannot be read: {why}") from None
    if why := _why_not_asked(given, scope):
        raise ConfigurationError(
            f"{option} {printable(given)}: is not a file here, and not PromQL ({why}); give a CSV "
            "file or an expression"
        )
    return Given(option, expr=given)


def _why_not_asked(expr: str, scope: Scope) -> str:
    import promql_parser

    try:
        promql_parser.parse(scope.ad_hoc(InstantQuery(expr, 0.0)).expr)
    except (ConfigurationError, SourceError, ValueError) as error:
        return printable(str(error), 120)
    return ""
