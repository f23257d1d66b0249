"""What ``deploygate rules`` and ``deploygate grafana`` share: the criteria and the output file."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_deploygate.cli.exports.forms import form_of
from pytest_deploygate.cli.written import write_file
from pytest_deploygate.config.finding import project_of
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import printable
from pytest_deploygate.promql.expressions import Expressions, NotExpressible


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedGate:
    """The criteria of one gate: thresholds are resolved, and every id is unique.

    Attributes:
        criteria: those whose kind PromQL can express.
        command: the command line that exports them.
        environment: the environment of the gate, empty for none.
        project: where the gate's configuration lies, or the command was started, in its repository.
        selection: the matchers that narrow every query, as PromQL.
        others: number of tests without a criterion; they cannot be written as PromQL.
        unexpressed: the criteria that PromQL cannot judge, and why.
    """

    criteria: tuple[Criterion, ...]
    command: str
    environment: str = ""
    project: str = ""
    selection: str = ""
    others: int = 0
    unexpressed: tuple[tuple[Criterion, NotExpressible], ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The labels that separate two environments, the same as in the gate's own metrics."""
        return {"environment": self.environment} if self.environment else {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of both commands."""
    parser.allow_abbrev = False
    parser.set_defaults(pytest_arguments=[])
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="file to write (default: standard output)"
    )
    parser.usage = "%(prog)s [options] [pytest arguments]"
    parser.epilog = (
        "pytest's arguments choose the criteria (default: those of a bare pytest -p deploygate "
        "here, else those that ship)."
    )


def exported_gate(name: str, pytest_arguments: Sequence[str]) -> ExportedGate:
    """The gate that pytest would run with these arguments.

    Raises:
        ConfigurationError: there is no criterion, two have the same id, or a query cannot be
            narrowed.
    """
    from pytest_deploygate.plugin.collecting import collect

    collected = collect(pytest_arguments)
    if collected.problems:
        raise ConfigurationError(collected.problems[0])
    criteria = tuple(replace(one, id=printable(one.id)) for one in collected.criteria)
    twice = [name for name, count in Counter(one.id for one in criteria).items() if count > 1]
    if twice:
        raise ConfigurationError(f"two criteria have the id {twice[0]!r}; ids must be unique")
    command = shlex.join(["deploygate", name, *collected.arguments])
    forms = [(one, form_of(one)) for one in criteria]
    file = collected.run.settings.file
    return ExportedGate(
        criteria=tuple(one for one, form in forms if isinstance(form, Expressions)),
        unexpressed=tuple((one, form) for one, form in forms if not isinstance(form, Expressions)),
        command=printable(collected.run.redactor.text(command)),
        environment=printable(collected.run.settings.gate_env),
        project=project_of(file.parent if file else Path.cwd()),
        selection=collected.run.scope.selection,
        others=collected.others,
    )


def write(text: str, output: Path | None) -> int:
    """Write to the file, or to standard output, and return the exit code.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    if output is None:
        sys.stdout.write(text)
        return 0
    write_file("--output", output, text)
    return 0
