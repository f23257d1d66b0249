"""The name by which Grafana knows a dashboard: an import replaces the one that has it."""

from __future__ import annotations

import re
from itertools import product

import pytest

from pytest_deploygate.cli.grafana import uid

ENVIRONMENTS = (
    "",
    "prod",
    "prod-eu",
    "prod.eu",
    "prod_eu",
    "Prod-eu",
    "prod eu",
    "\u30d7\u30ed",
    "x" * 50,
)
TITLES = ("", "A b", "A-b", "a b", "\u30d7\u30ed", "x" * 60)


def test_no_two_dashboards_have_one_uid() -> None:
    named = list(product(ENVIRONMENTS, TITLES))
    uids = {uid(environment, title) for environment, title in named}
    assert len(uids) == len(named)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", one) for one in uids)


@pytest.mark.parametrize(
    ("environment", "name"),
    [("", "deploygate"), ("production", "deploygate-production"), ("eu-1", "deploygate-eu-1")],
)
def test_a_plain_name_is_its_own_uid(environment: str, name: str) -> None:
    assert uid(environment, "") == name
