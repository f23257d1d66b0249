"""Limits that are numbers of another library."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pytest_deploygate import Criterion
from pytest_deploygate.core.criterion import threshold
from pytest_deploygate.core.errors import ConfigurationError


@pytest.mark.parametrize(
    "limit", [np.float64(2), np.float32(2), np.int64(2), np.uint8(2), Fraction(2)]
)
def test_any_real_number_is_a_limit(limit: Any) -> None:
    criterion = Criterion(id="x", query="x", below=limit)
    assert json.dumps(criterion.below) == "2.0"
    assert criterion.limit == threshold("x", limit).default == 2.0


@pytest.mark.parametrize(
    "limit", [np.float64("nan"), np.float32("inf"), np.bool_(True), np.array([2.0]), "2", 2j, True]
)
def test_what_is_no_finite_number_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a finite number"):
        Criterion(id="x", query="x", below=limit)
