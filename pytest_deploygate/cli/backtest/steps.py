"""The steps of a backtest, from what was given on the command line."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import TypeVar

from pytest_deploygate.config.values import unix_seconds
from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.kinds.times import Times

LAST, STEP = "7d", "5m"
_MOST_STEPS = 100_000

Value = TypeVar("Value")


def steps(arguments: argparse.Namespace, at: float | None) -> tuple[Times, float]:
    """When to judge, from the first time on and before the end; and the end, in Unix seconds.

    Args:
        arguments: with ``last``, ``from_``, ``to`` and ``step`` as they were given.
        at: ``--gate-at``, the end of ``--last`` instead of now.

    Raises:
        ConfigurationError: what was given cannot be used.
    """
    step = given("--step", seconds, arguments.step or STEP)
    if step < 1 or abs(step * 1000 - round(step * 1000)) > 1e-6:
        raise ConfigurationError(
            f"--step {arguments.step}: must be at least 1s, in whole milliseconds"
        )
    start, end = _ends(arguments, at, step)
    if end - start < step:
        raise ConfigurationError(
            f"--step {arguments.step or STEP}: is longer than the {spoken(end - start)} that are "
            "judged; give a shorter step or a longer time"
        )
    count = math.ceil(round((end - start) / step, 6))
    if count > _MOST_STEPS:
        raise ConfigurationError(
            f"--step {arguments.step or STEP}: makes {count:,} steps of {spoken(end - start)}, at "
            f"most {_MOST_STEPS:,} are allowed; give a longer step or a shorter time"
        )
    return Times(start, round(step, 3), count), end


def _ends(arguments: argparse.Namespace, at: float | None, step: float) -> tuple[float, float]:
    from_, to, last = arguments.from_, arguments.to, arguments.last
    if from_ is None and to is None:
        # On whole steps: a query frontend may round the times of a range query to them.
        end = at if at is not None else time.time() // step * step
        return end - given("--last", seconds, last or LAST), end
    if last is not None:
        both = "--from" if from_ is not None else "--to"
        raise ConfigurationError(f"--last and {both}: give --last, or --from and --to")
    if from_ is None or to is None:
        one, other = ("--from", "--to") if to is None else ("--to", "--from")
        raise ConfigurationError(f"{one} without {other}: give both, or --last")
    start, end = given("--from", unix_seconds, from_), given("--to", unix_seconds, to)
    if end <= start:
        raise ConfigurationError(f"--to {to}: must be later than --from {from_}")
    return start, end


def given(option: str, read: Callable[[str], Value], text: str) -> Value:
    """A value of an option; what is wrong with it names the option.

    Raises:
        ConfigurationError: it cannot be used.
    """
    try:
        return read(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{option}: {error}") from None
