"""Evidence: recorded once, judged again exactly so, or differently with other thresholds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import END, Gate
from tests.servers import Server


def checks(pytester: pytest.Pytester, name: str) -> Any:
    return json.loads((pytester.path / name).read_text())["checks"]


def test_a_replay_judges_exactly_as_the_recorded_run_did(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    server = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--pyargs", "gate_checks")
    recorded = ("--gate-record=evidence.json", "--gate-json=recorded.json")
    assert run_gate(*workers, *server, *recorded, "--gate-set=cpu_usage_max=0.5").ret == 1
    replay = (*workers, "--pyargs", "gate_checks", "--gate-replay=evidence.json")
    assert run_gate(*replay, "--gate-json=replayed.json", "--gate-set=cpu_usage_max=0.5").ret == 1
    assert checks(pytester, "recorded.json") == checks(pytester, "replayed.json")
    assert run_gate(*replay).ret == 0
    assert run_gate(*replay, "--gate-set=fast_p95_max=2").ret == 2


def test_an_error_is_evidence_too(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    arguments = (*workers, "--pyargs", "gate_checks")
    dead = ("--prometheus-url=http://127.0.0.1:9", "--gate-query-timeout=1s")
    assert run_gate(*arguments, *dead, "--gate-record=evidence.json", "--gate-json=a.json").ret == 2
    assert run_gate(*arguments, "--gate-replay=evidence.json", "--gate-json=b.json").ret == 2
    assert checks(pytester, "a.json") == checks(pytester, "b.json")
    assert {check["reason"] for check in checks(pytester, "b.json")} == {"error"}


def test_a_check_that_was_not_recorded_is_an_error(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_new(gate): gate.check("up", equals=1)
    """)
    result = run_gate(*workers, "--gate-demo=go", ".")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*demo go contains no answer to this query; record it again*"])
