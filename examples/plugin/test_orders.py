"""A check whose number comes from the plugin's own source."""

from __future__ import annotations

import pytest

from pytest_deploygate import Gate


@pytest.mark.critical
def test_orders(gate: Gate) -> None:
    """Orders per second."""
    gate.check("orders_per_second", at_least=100.0)
