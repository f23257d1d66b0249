"""What judgements at many steps amount to: periods of NO-GO, and how each check fared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.backtest import CheckHistory, Period
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.backtest.verdicts import Flags, Judged
from pytest_deploygate.engine.judgements import STATUSES
from pytest_deploygate.engine.over_time import runs
from pytest_deploygate.kinds.decision import REASONS
from pytest_deploygate.kinds.times import Times

_BLIND = "the gate is blind: no critical check could be evaluated"


def histories(judged: Sequence[Judged], times: Times) -> tuple[CheckHistory, ...]:
    """Each check at every step."""
    failing = np.sum([one.has(Status.NO_GO) for one in judged], axis=0)
    return tuple(_history(one, failing, times.step) for one in judged)


def _history(one: Judged, failing: NDArray[np.intp], step: float) -> CheckHistory:
    criterion, found, blocks = one.criterion, one.found, one.has(Status.NO_GO)
    fine = one.has(Status.GO) | one.has(Status.SKIPPED)
    labels = [_printable(each) for each in (*found.labels, criterion.match)]
    named = found.worst >= 0
    values = np.where(named, found.values, np.nan).tolist()

    def lasting(flags: Flags) -> float:
        return float(flags.sum()) * step

    return CheckHistory(
        id=printable(criterion.id),
        name=printable(criterion.title),
        severity=criterion.level,
        unit=criterion.unit,
        comparison=criterion.comparison.symbol,
        limit=criterion.limit,
        statuses=tuple(STATUSES[code] for code in found.statuses),
        reasons=tuple(REASONS[code] for code in found.reasons),
        values=tuple(v if n else None for v, n in zip(values, named.tolist(), strict=True)),
        labels=tuple(labels[place] for place in found.worst),
        alone=lasting(blocks & (failing == 1)),
        together=lasting(blocks & (failing > 1)),
        failed=lasting(~fine),
        no_data=lasting(one.because(Reason.NO_DATA)),
        unanswered=lasting(one.because(Reason.ERROR)),
        flaps=int((found.statuses[1:] != found.statuses[:-1]).sum()),
    )


def _printable(labels: Mapping[str, str]) -> dict[str, str]:
    return {printable(key): printable(text) for key, text in labels.items()}


def periods(
    judged: Sequence[Judged], blocked: Flags, times: Times, why: Callable[[int], str]
) -> tuple[Period, ...]:
    """The unbroken times of NO-GO.

    Args:
        judged: all checks.
        blocked: the steps that are NO-GO.
        times: of the steps.
        why: what else makes a step NO-GO, in words; empty if the gate is blind.
    """
    return tuple(_period(judged, first, behind, times, why) for first, behind in runs(blocked))


def _period(
    judged: Sequence[Judged], first: int, behind: int, times: Times, why: Callable[[int], str]
) -> Period:
    lasted = {
        printable(one.criterion.id): int(one.has(Status.NO_GO)[first:behind].sum())
        for one in judged
    }
    failed = sorted((id_ for id_, steps in lasted.items() if steps), key=lambda id_: -lasted[id_])
    return Period(
        begin=times.part(first, 1).start,
        end=times.part(behind, 1).start,
        failed=tuple(failed),
        why="" if failed else why(first) or _BLIND,
        culprits={},
    )


def worst_results(
    judged: Sequence[Judged], found: Sequence[Period], times: Times
) -> Iterator[tuple[int, Judged, Result]]:
    """Of each period and each check that failed in it, the result of its worst step.

    It is what a culprit is asked for: once for each check and period.
    """
    for number, period in enumerate(found):
        first, behind = (round((t - times.start) / times.step) for t in (period.begin, period.end))
        for one in judged:
            failed = one.has(Status.NO_GO)[first:behind] & (one.found.worst[first:behind] >= 0)
            if one.criterion.culprit and failed.any():
                yield number, one, _worst(one, first + np.flatnonzero(failed))


def _worst(one: Judged, places: NDArray[np.intp]) -> Result:
    criterion, found = one.criterion, one.found
    bad = [criterion.comparison.badness(float(found.values[n]), criterion.limit) for n in places]
    place = int(places[int(np.argmax(bad))])
    return found.result(criterion, place)
