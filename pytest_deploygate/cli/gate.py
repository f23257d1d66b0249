"""What ``deploygate rules`` and ``deploygate grafana`` share: whose criteria, and where to."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.files import write_atomically
from pytest_deploygate.core.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """The criteria of one gate, their thresholds resolved and every id unique.

    ``command`` made this, and ``others`` are the tests of the gate that are no criteria: what
    they judge cannot be written as PromQL.
    """

    criteria: tuple[Criterion, ...]
    command: str
    environment: str = ""
    others: int = 0

    @property
    def labels(self) -> dict[str, str]:
        """What tells the gates of two environments apart, as in the gate's own metrics."""
        return {"environment": self.environment} if self.environment else {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that both commands take."""
    parser.allow_abbrev = False
    parser.set_defaults(pytest_arguments=[])
    parser.add_argument("--output", metavar="FILE", type=Path, help="write to a file")
    parser.usage = "%(prog)s [options] [pytest arguments, default --pyargs gate_checks]"


def gate_of(name: str, pytest_arguments: Sequence[str]) -> Gate:
    """The gate that pytest would run with these arguments.

    Raises:
        ConfigurationError: there is no criterion, or two have one id.
    """
    from pytest_deploygate.plugin.collecting import collect

    collected = collect(pytest_arguments)
    criteria = tuple(replace(one, id=printable(one.id)) for one in collected.criteria)
    twice = [name for name, count in Counter(one.id for one in criteria).items() if count > 1]
    if twice:
        raise ConfigurationError(f"the id {twice[0]!r} stands twice; give each criterion its own")
    command = shlex.join(["deploygate", name, *collected.arguments])
    return Gate(
        criteria=criteria,
        command=printable(collected.run.redactor.text(command)),
        environment=printable(collected.run.settings.text("gate-env")),
        others=collected.others,
    )


def write(text: str, output: Path | None) -> int:
    """To the file, or to standard output; returns the exit code.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        write_atomically(output, text)
    except OSError as error:
        raise ConfigurationError(
            f"--output {output}: cannot be written: {error.strerror}"
        ) from None
    return 0
