"""The examples in "Service level objectives" run as they are pasted."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests import servers
from tests.conftest import END, Gate
from tests.docs.pages import block

PAGE = "docs/how-to/objectives.md"
MINUTES = 120


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A checkout of which every fifth request fails since half an hour."""
    lines = ["# TYPE http_requests counter"]
    for status in ("200", "500"):
        counted = 0
        for minute in range(MINUTES + 1):
            failing = 200 if minute > MINUTES - 30 else 0
            counted += failing if status == "500" else 1000 - failing
            labels = f'job="checkout",status="{status}"'
            lines.append(
                f"http_requests_total{{{labels}}} {counted} {END - 60 * (MINUTES - minute)}"
            )
    with servers.prometheus("\n".join([*lines, "# EOF\n"]), tmp_path_factory.mktemp("shop")) as one:
        yield one


@pytest.mark.parametrize("how", ["slo(", "openslo("])
def test_an_objective_is_judged(
    pytester: pytest.Pytester, run_gate: Gate, shop: servers.Server, how: str
) -> None:
    example = block("python", page=PAGE, containing=f" {how}" if how == "slo(" else how)
    pytester.path.joinpath("test_checkout.py").write_text(example)
    pytester.path.joinpath("slo.yaml").write_text(block("yaml", page=PAGE))
    where = (f"--prometheus-url={shop.url}", f"--gate-at={END}", "--gate-json=gate.json")
    assert run_gate(*where, "test_checkout.py").ret == 2
    found = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))["checks"]
    assert {one["id"]: (one["status"], one["reason"]) for one in found} == {
        "checkout_fast_burn": ("NO_GO", "breach"),
        "checkout_slow_burn": ("WARNING", "breach"),
        "checkout_budget": ("WARNING", "breach"),
    }
    [burn] = [one for one in found if one["id"] == "checkout_fast_burn"]
    assert "; at this rate a budget of 30 days is gone in " in burn["message"]
