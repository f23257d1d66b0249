"""``deploygate backtest`` on a real Prometheus: it says what the gate says, and asks little."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.verdict import Verdict, blindness, decide
from pytest_deploygate.engine.run import GateRun
from tests.conftest import END
from tests.real.backtests import CRITERIA, backtest, two_days
from tests.servers import Server

SELECTED = 'app="shop"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with two_days(tmp_path_factory.mktemp("two-days")) as one:
        yield one


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A directory with criteria of every kind."""
    checks = pytester.path / "gate_checks"
    checks.mkdir()
    (checks / "test_all.py").write_text(CRITERIA, encoding="utf-8")
    return pytester.path


def criteria() -> list[Criterion]:
    names: dict[str, Any] = {"__name__": "criteria"}
    exec(CRITERIA, names)
    return list(names["CRITERIA"])


def settings(url: str, at: float, *more: str) -> dict[str, Any]:
    given: dict[str, Any] = {"prometheus-url": url, "gate-at": str(at)}
    return given | ({"gate-select": more[0]} if more else {})


def alone(url: str, at: float, *select: str) -> list[Result]:
    """What the gate says at one time."""
    run = GateRun(merge(command_line(settings(url, at, *select))), {})
    run.prefetch(criteria(), at)
    return [run.judge(one, at) for one in criteria()]


def assert_same(document: dict[str, Any], place: int, results: Sequence[Result]) -> None:
    """Every check of a step is what the gate says of it."""
    for check, result in zip(document["checks"], results, strict=True):
        at = {key: check[key][place] for key in ("status", "reason", "value", "labels")}
        assert check["id"] == result.id
        assert (at["status"], at["reason"]) == (result.status, result.reason), (
            document["times"][place],
            result.message,
        )
        finite = result.value is not None and abs(result.value) < float("inf")
        assert at["value"] == (pytest.approx(result.value, rel=1e-9) if finite else None)
        assert at["labels"] == dict(result.labels)
    verdict = Verdict.NO_GO if blindness(results) else decide(results)
    assert document["verdicts"][place] == verdict


@pytest.mark.parametrize("select", [(), (SELECTED,)], ids=["all", "selected"])
def test_every_kind_is_judged_as_by_the_gate_at_every_time(
    project: Path, server: Server, select: tuple[str, ...]
) -> None:
    narrowed = ["--gate-select", *select] if select else []
    code, document = backtest(
        "--prometheus-url", server.url, "--gate-at", END, *narrowed, "--last", "2d", "--step", "10m"
    )
    assert code == 0
    assert len(document["times"]) == 288
    drawn = random.Random(11).sample(range(288), 45)
    for place in drawn:
        assert_same(document, place, alone(server.url, document["times"][place], *select))
    for check in document["checks"]:
        assert len(set(check["status"])) > 1 or check["id"] in ("of_its_end",), check["id"]
