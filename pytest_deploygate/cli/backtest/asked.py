"""What a backtest is asked: everything that was given, read and checked before it starts."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pytest_deploygate.cli.backtest.known import Given, file_or_expression
from pytest_deploygate.cli.backtest.steps import given, steps
from pytest_deploygate.config import settings as config
from pytest_deploygate.config.values import numbers
from pytest_deploygate.core.backtest import Incident
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean
from pytest_deploygate.core.files import refuse_unwritable
from pytest_deploygate.engine.backtest.events import (
    deployments_in,
    incidents_in,
)
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.plugin.collecting import Collected, collect
from pytest_deploygate.sources.prometheus import PrometheusSource
from pytest_deploygate.sources.retention import retention

Event = TypeVar("Event")

_OF_ONE_RUN = ("gate-watch", "gate-wait", "gate-history", "gate-pushgateway", "gate-act")
Shown = Callable[[Iterable[tuple[int, int]]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A backtest before anything is asked: everything that was given can be used.

    Attributes:
        end: where the last step ends, in Unix seconds.
        other: thresholds of ``--against``; empty for none.
        incidents: a list from a file, or what to find them with; None if they are not known.
        deployments: the same for deployments.
    """

    collected: Collected
    times: Times
    end: float
    suggest: bool
    other: Mapping[str, float]
    incidents: Sequence[Incident] | Given | None
    deployments: Sequence[tuple[float, str]] | Given | None

    @property
    def run(self) -> GateRun:
        """The run that a bare gate here would be."""
        return self.collected.run


def asked(arguments: argparse.Namespace) -> Asked:
    """Everything that was given, read and checked.

    Raises:
        ConfigurationError: something cannot be used.
    """
    _refuse_empty(arguments)
    other = given("--against", numbers, arguments.against)
    for option in ("--json", "--html"):
        if path := getattr(arguments, option.removeprefix("--")):
            refuse_unwritable(option, path)
    steps(arguments, None)  # what is wrong with them is said before criteria are collected
    collected = collect(arguments.pytest_arguments)
    run = collected.run
    _refuse_what_is_of_one_run(arguments, run.settings)
    if misfits := run.misfits(collected.given):
        raise ConfigurationError(misfits[0])
    _refuse_unknown(other, collected.given)
    times, end = steps(arguments, run.settings.gate_at)
    incidents = file_or_expression("--incidents", arguments.incidents, run.scope)
    deployments = file_or_expression("--deployments", arguments.deployments, run.scope)
    question = Asked(
        collected=collected,
        times=times,
        end=end,
        suggest=arguments.suggest,
        other=other,
        incidents=_read(incidents, incidents_in),
        deployments=_read(deployments, deployments_in),
    )
    _refuse_what_is_gone(arguments, run, times)
    return question


def _refuse_empty(arguments: argparse.Namespace) -> None:
    # An unset variable of a pipeline must not choose the default.
    for option in ("last", "from", "to", "step", "incidents", "deployments"):
        if getattr(arguments, {"from": "from_"}.get(option, option)) == "":
            raise ConfigurationError(f"--{option}: is empty; give a value, or leave it out")


def _refuse_what_is_of_one_run(arguments: argparse.Namespace, settings: config.Settings) -> None:
    if settings.replays:
        name = settings.origins["gate-replay" if settings.gate_replay else "gate-demo"]
        raise ConfigurationError(
            f"{name}: evidence has no answers for other times than its own; leave it out, and give "
            "the server with --prometheus-url"
        )
    if arguments.from_ and settings.origins["gate-at"].startswith("--"):
        raise ConfigurationError("--gate-at with --from and --to: leave --gate-at out")
    for name in (*settings.outputs, *_OF_ONE_RUN):
        if settings.origins[name].startswith("--"):
            raise ConfigurationError(
                f"--{name}: is for a run of the gate; leave it out, a backtest writes --json and "
                "--html"
            )


def _refuse_unknown(other: Mapping[str, float], criteria: Sequence[Criterion]) -> None:
    known = {one.key for criterion in criteria for one in criterion.thresholds}
    for key in other:
        if key not in known:
            raise ConfigurationError(
                f"--against {key}: no criterion has this threshold, {did_you_mean(key, known)}"
            )


def _refuse_what_is_gone(arguments: argparse.Namespace, run: GateRun, times: Times) -> None:
    """A backtest of more than the server keeps would show an ill gate where there is no data."""
    kept = retention(run.source) if isinstance(run.source, PrometheusSource) else None
    if kept is None or times.start >= time.time() - kept - times.step:
        return
    option = "--from" if arguments.from_ else "--last"
    said = arguments.from_ or arguments.last or spoken(times.step * times.count)
    raise ConfigurationError(
        f"{option} {said}: {run.source.info.location} keeps only {spoken(kept)}; give at most "
        f"--last {spoken(kept)}"
    )


def _read(
    found: Given | None, read: Callable[[str], Sequence[Event]]
) -> Sequence[Event] | Given | None:
    if found is None or not found.file:
        return found
    return given(f"{found.option} {found.file}", read, found.text)
