"""On NO-GO: a real Prometheus, a slow creative mode, and what is done about it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import receiver as server
from tests import servers
from tests.conftest import END, Gate
from tests.production import openmetrics, production
from tests.servers import Server

ACTIONS = f"""
[[actions]]
name = "downshift"
kind = "downshift"
on = ["NO-GO"]
for = ["creative_p95_sustained"]
from = "creative"
url_env = "ADMIN_URL"
token_env = "ADMIN_TOKEN"

[[actions]]
name = "rollback"
kind = "checkpoint-rollback"
on = ["NO-GO"]
for = ["rl_loss_runaway"]
directory = "checkpoints"
reload = [{json.dumps(sys.executable)}, "-c", "open('reloaded', 'w')"]

[[actions]]
name = "notify"
kind = "slack"
on = ["NO-GO", "WARNING"]
url_env = "SLACK_WEBHOOK_URL"
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A creative mode that has been slow for twenty minutes, and a loss that runs away."""
    slow = production(END).with_latency("creative", lambda age: 4.92 if age <= 1200 else 4.2)
    diverging = slow.with_values(
        "rl_loss", lambda age: 2.6 if age < 300 else 0.45, loss_type="total_loss"
    )
    directory = tmp_path_factory.mktemp("troubled")
    with servers.prometheus(openmetrics(diverging), directory) as running:
        yield running


@pytest.fixture
def checkpoints(pytester: pytest.Pytester) -> Path:
    """Three checkpoints, the second of them the newest that is stable."""
    (pytester.path / "deploygate.toml").write_text(ACTIONS)
    directory = pytester.mkdir("checkpoints")
    history = []
    for step, divergence in [(100, 0.01), (200, 0.02), (300, 0.4)]:
        (directory / f"step-{step}.pt").write_text(f"weights {step}")
        history.append(
            {
                "step": step,
                "timestamp": END + step,
                "loss": 0.45,
                "reward": 12.0,
                "kl_divergence": divergence,
                "entropy": 1.0,
                "clip_fraction": 0.1,
                "checkpoint_path": f"step-{step}.pt",
            }
        )
    (directory / "checkpoint_history.json").write_text(json.dumps(history))
    (directory / "current").symlink_to("step-300.pt")
    return directory


def test_a_no_go_downshifts_rolls_back_notifies_and_ends_in_2(
    troubled: Server,
    checkpoints: Path,
    run_gate: Gate,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ("--prometheus-url", troubled.url, "--gate-at", str(END), "--gate-json", "gate.json")
    with server.receiver() as admin, server.receiver() as slack:
        monkeypatch.setenv("ADMIN_URL", f"{admin.url}/mode")
        monkeypatch.setenv("ADMIN_TOKEN", "s3cret-token")
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{slack.url}/services/T0/B0/s3cret-hook-of-slack")
        result = run_gate("--pyargs", "gate_checks", "--gate-act", *asked, *workers)
    assert result.ret == 2
    (shift,) = admin.requests
    assert shift.body == {"service": "llm", "from": "creative", "to": "balanced"}
    assert shift.headers["Authorization"] == "Bearer s3cret-token"
    assert os.readlink(checkpoints / "current") == "step-200.pt"
    assert (checkpoints.parent / "reloaded").exists()
    (message,) = slack.requests
    lines = message.body["text"].splitlines()
    assert lines[0] == "🔴 *Deployment gate: NO-GO*"
    assert any("*Creative p95 Sustained* [critical]: p95 4.92 s, limit 4.50 s" in x for x in lines)
    assert "→ downshift: done, llm: creative → balanced; $ADMIN_URL answers 200: ok" in lines
    assert "→ rollback: done, current is step 200 (step-200.pt), exit code 0" in lines
    written = (checkpoints.parent / "gate.json").read_text()
    assert [one["status"] for one in json.loads(written)["actions"]] == ["done"] * 3
    assert "s3cret" not in written + result.stdout.str() + result.stderr.str()


def test_without_gate_act_the_same_no_go_only_announces(
    troubled: Server, checkpoints: Path, run_gate: Gate
) -> None:
    asked = ("--prometheus-url", troubled.url, "--gate-at", str(END))
    result = run_gate("--pyargs", "gate_checks", *asked)
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        [
            "*downshift (downshift): planned, llm: creative → balanced by POST to $ADMIN_URL *",
            "*rollback (checkpoint-rollback): planned, roll */checkpoints/current back *",
            "*notify (slack): planned, message to Slack at $SLACK_WEBHOOK_URL *",
        ]
    )
    assert os.readlink(checkpoints / "current") == "step-300.pt"


def test_a_healthy_production_is_left_as_it_is(
    healthy: Server, checkpoints: Path, run_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("--prometheus-url", healthy.url, "--gate-at", str(END))
    with server.receiver() as everything:
        for name in ("ADMIN_URL", "ADMIN_TOKEN", "SLACK_WEBHOOK_URL"):
            monkeypatch.setenv(name, everything.url)
        result = run_gate("--pyargs", "gate_checks", "--gate-act", *asked)
    assert result.ret == 0
    assert everything.requests == []
    assert os.readlink(checkpoints / "current") == "step-300.pt"
