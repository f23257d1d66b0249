"""Which checks a test has ever seen fail: one that never blocked anything is not known to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_deploygate.core.result import Reason
from pytest_deploygate.testing import gate_process
from pytest_deploygate.testing.judgement import Judgement

SEEN = pytest.StashKey[dict[str, bool]]()
"""Of every check that a test had judged: whether one saw it breached."""
_MOST_LISTED = 50


def of(config: pytest.Config) -> dict[str, bool]:
    """What this process has seen until now."""
    return config.stash.setdefault(SEEN, {})


def add(config: pytest.Config, seen: Mapping[str, bool]) -> None:
    """Add what was seen, here or in a worker."""
    known = of(config)
    for check, breached in seen.items():
        known[check] = breached or known.get(check, False)


def breaches(judgement: Judgement) -> dict[str, bool]:
    """What a judgement shows: missing data breaches nothing, though it may block."""
    shown: dict[str, bool] = {}
    for result in judgement.results:
        breached = Reason.BREACH in (result.reason, result.waived)
        shown[result.id] = breached or shown.get(result.id, False)
    return shown


def checks_of(root: Path) -> list[str]:
    """The ids of the checks that a gate without arguments would run; none if it cannot be told."""
    with TemporaryDirectory(prefix="deploygate-") as directory:
        ended = gate_process.run(root, Path(directory), ["--collect-only", "-q"])
    return list(ended.written["checks"]) if ended.written else []


def lines(seen: Mapping[str, bool], checks: Iterable[str]) -> Iterator[str]:
    """The summary.

    Args:
        seen: what was seen.
        checks: all that there are, besides.
    """
    every = dict.fromkeys([*checks, *seen])
    never = [check for check in every if not seen.get(check)]
    if not never:
        yield f"all {len(every)} checks were seen to fail"
        return
    yield f"{len(never)} of {len(every)} checks were never seen to fail:"
    for check in never[:_MOST_LISTED]:
        yield f"  {check}{'' if check in seen else ' (no test of this run judged it)'}"
    if len(never) > _MOST_LISTED:
        yield f"  and {len(never) - _MOST_LISTED} more"
