"""``gate_criteria``: criteria as the parameters of a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

import pytest

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.severity import Severity

ARGUMENT = "criterion"
"""The argument of a test that it gives."""


def gate_criteria(criteria: Criterion | Iterable[Criterion]) -> pytest.MarkDecorator:
    """Parametrize a test over criteria, or one, each with its id and marked critical or warning.

    The test takes ``criterion`` and ``gate``, and calls ``gate.check(criterion)``.

    Raises:
        ConfigurationError: there is none, or two have one id.
    """
    given = [criteria] if isinstance(criteria, Criterion) else list(criteria)
    id_, count = max(Counter(one.id for one in given).items(), key=_count, default=("", 0))
    if count != 1:
        why = f"the id {id_!r} stands {count} times" if count else "the list is empty"
        raise ConfigurationError(f"gate_criteria: {why}; every criterion needs an id of its own")
    return pytest.mark.parametrize(
        ARGUMENT,
        [pytest.param(one, id=one.id, marks=_mark(one.level)) for one in given],
    )


def _count(item: tuple[str, int]) -> int:
    return item[1]


@cache
def _mark(severity: Severity) -> pytest.MarkDecorator:
    mark: pytest.MarkDecorator = getattr(pytest.mark, severity.value)
    return mark
