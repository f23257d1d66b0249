"""Objectives, and a source that holds bad and all events of each window, as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_deploygate import slo
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import Measurement, Query, Series
from pytest_deploygate.engine.judging import judge
from pytest_deploygate.kinds.bad_events import BadEvents
from pytest_deploygate.kinds.base import InRun
from tests.unit.judging import AT

Values = Mapping[str, float]
"""Values by the name of a region; the empty one is a series without labels."""
_ASKED = re.compile(r"(bad|total)\[(\w+)\]|count_over_time.*")


def in_run(given: Criterion) -> Criterion:
    """The criterion as a run judges it."""
    assert isinstance(given.kind, BadEvents)
    return given.kind.in_run(given.resolved({}), InRun())


def criteria(**details: Any) -> dict[str, Criterion]:
    """The criteria of an objective, by what they are of it, as a run judges them."""
    given = {"objective": 0.99, "bad": "bad[$window]", "total": "total[$window]", **details}
    return {one.id.partition("_")[2]: in_run(one) for one in slo("shop", **given)}


def labels(name: str) -> dict[str, str]:
    """``eu`` is a region, ``eu/500`` has a code, too."""
    region, _, code = name.partition("/")
    return {k: v for k, v in (("region", region), ("code", code)) if v}


def source(
    bad: Mapping[str, Values], total: Mapping[str, Values], held: Values
) -> Callable[[Query], Measurement]:
    """What answers; the values of each window by its name."""

    def ask(query: Query) -> Measurement:
        asked = _ASKED.fullmatch(query.expr)
        assert asked, query.expr
        found = {"bad": bad, "total": total}[asked[1]].get(asked[2], {}) if asked[1] else held
        return Measurement(
            tuple(Series(labels(name), ((AT, value),)) for name, value in found.items())
        )

    return ask


def judged(
    given: Criterion,
    bad: Mapping[str, Values],
    total: Mapping[str, Values],
    held: Values | None = None,
) -> Result:
    """The result of these events."""
    return judge(given, AT, source(bad, total, held or {}))


def of(**windows: float) -> dict[str, Values]:
    """The same value in a series without labels for each window: ``of(w1h=2)``."""
    return {name.removeprefix("w"): {"": value} for name, value in windows.items()}
