"""The name by which Grafana knows a dashboard: an import replaces the one that has it."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest

from pytest_deploygate import cli
from pytest_deploygate.cli.grafana import uid
from pytest_deploygate.config.finding import project_of

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
PROJECTS = ("shop", "shop/checkout", "shop-checkout", "blog")
SELECTIONS = ("", 'app="checkout"', 'app="cart"')
TITLES = ("", "A b", "A-b", "a b", "\u30d7\u30ed", "x" * 60)


def test_no_two_dashboards_have_one_uid() -> None:
    named = list(product(PROJECTS, SELECTIONS, ENVIRONMENTS, TITLES))
    uids = {uid(*each) for each in named}
    assert len(uids) == len(named)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", one) for one in uids)


def test_a_uid_says_whose_dashboard_it_is() -> None:
    assert re.fullmatch(r"deploygate-shop-prod-[0-9a-f]{8}", uid("shop", "", "prod", ""))


def test_a_project_is_its_place_in_its_repository(tmp_path: Path) -> None:
    for clone in ("here/shop", "there/shop"):
        gate = tmp_path / clone / "services" / "checkout"
        gate.mkdir(parents=True)
        (tmp_path / clone / ".git").mkdir()
        assert project_of(gate) == "shop/services/checkout"
        assert project_of(gate.parents[1]) == "shop"


CHECKS = """
from pytest_deploygate import Criterion, gate_criteria

@gate_criteria([Criterion(id="up", query="up", at_least=1)])
def test_criterion(criterion, gate):
    gate.check(criterion)
"""


def test_two_projects_have_two_dashboards_and_each_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for place, file in product(("shop", "blog", "shop"), ("", "deploygate.toml")):
        directory = tmp_path / place
        (directory / "gate_checks").mkdir(parents=True, exist_ok=True)
        (directory / ".git").mkdir(exist_ok=True)
        (directory / "gate_checks" / f"test_{place}.py").write_text(CHECKS)
        if file:
            (directory / file).write_text("")
        monkeypatch.chdir(directory if not file else directory / "gate_checks")
        assert cli.main(["grafana", str(directory / "gate_checks")]) == 0
        found.append(json.loads(capsys.readouterr().out)["uid"])
    shop, blog = found[0], found[2]
    assert found == [shop, shop, blog, blog, shop, shop]
    assert shop != blog
