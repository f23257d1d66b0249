"""The rollback to the newest stable checkpoint, on real files."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.actions.base import Context
from pytest_deploygate.actions.checkpoint import switch
from pytest_deploygate.actions.registry import known_kinds
from pytest_deploygate.actions.runner import Runner, prepare
from pytest_deploygate.core.report import ActionResult
from pytest_deploygate.core.secrets import Redactor
from tests import receiver as server
from tests.unit.test_actions_runner import NO_GO

RELOAD = [
    sys.executable,
    "-c",
    "import os; print('loaded', os.readlink('checkpoints/current'))",
]


def entry(step: int, **changes: Any) -> dict[str, Any]:
    stable = {
        "step": step,
        "timestamp": 1_790_000_000.0 + step,
        "loss": 0.45,
        "reward": 12.5,
        "kl_divergence": 0.02,
        "entropy": 1.1,
        "clip_fraction": 0.1,
        "checkpoint_path": f"step-{step}.pt",
    }
    return {**stable, **changes}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Checkpoints 1 to 3, nothing about them yet."""
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    for step in (1, 2, 3):
        (checkpoints / f"step-{step}.pt").write_text(f"weights {step}")
    return checkpoints


def rolled_back(directory: Path, history: Any, **keys: Any) -> ActionResult:
    if history is not None:
        text = history if isinstance(history, str) else json.dumps(history)
        (directory / "checkpoint_history.json").write_text(text)
    context = Context(directory=directory.parent, environ=os.environ, redactor=Redactor())
    keys = keys or {"reload": RELOAD}
    table = {"name": "a", "kind": "checkpoint-rollback", "on": ["NO-GO"]}
    steps = prepare([{**table, "directory": "checkpoints", **keys}], known_kinds(), context)
    (result,) = Runner(redactor=context.redactor).carry_out(steps, NO_GO)
    return result


def test_the_newest_stable_checkpoint_is_linked_and_loaded(directory: Path) -> None:
    history = [entry(2), entry(1), entry(3, kl_divergence=0.031)]
    result = rolled_back(directory, history)
    assert result.status == "done"
    assert result.message == "current is step 2 (step-2.pt), exit code 0: loaded step-2.pt"
    assert (directory / "current").read_text() == "weights 2"


@pytest.mark.parametrize(
    ("newest", "chosen"),
    [
        ({"kl_divergence": 0.03}, "3"),
        ({"kl_divergence": 0.0301}, "2"),
        ({"kl_divergence": float("nan")}, "2"),
        ({"kl_divergence": None}, "2"),
        ({"kl_divergence": "0.01"}, "2"),
        ({"reward": 5.0}, "3"),
        ({"reward": 30.0}, "3"),
        ({"reward": 4.99}, "2"),
        ({"reward": 30.1}, "2"),
        ({"reward": True}, "2"),
        ({"loss": float("inf")}, "2"),
        ({"loss": float("nan")}, "2"),
        ({"loss": 10**400}, "2"),
        ({"timestamp": "2026-09-21T14:13:23Z"}, "3"),
        ({"timestamp": "2026-09-21T14:13:23"}, "3"),
        ({"timestamp": "2026-09-21T14:13:23+09:00"}, "2"),
        ({"timestamp": "yesterday"}, "2"),
        ({"timestamp": None}, "2"),
        ({"checkpoint_path": "gone.pt"}, "2"),
        ({"checkpoint_path": "."}, "2"),
        ({"checkpoint_path": None}, "2"),
        ({"checkpoint_path": "\0"}, "2"),
        ({"checkpoint_path": "../outside.pt"}, "2"),
        ({"checkpoint_path": "escape.pt"}, "2"),
        ({"checkpoint_path": "circle.pt"}, "2"),
        ({"checkpoint_path": "inside.pt"}, "1"),
        ({"checkpoint_path": "../checkpoints/step-3.pt"}, "3"),
    ],
)
def test_only_a_stable_checkpoint_whose_file_is_inside_is_taken(
    directory: Path, newest: dict[str, Any], chosen: str
) -> None:
    (directory.parent / "outside.pt").write_text("not ours")
    (directory / "escape.pt").symlink_to("../outside.pt")
    (directory / "inside.pt").symlink_to("step-1.pt")
    (directory / "circle.pt").symlink_to("circle.pt")
    assert rolled_back(directory, [entry(1), entry(2), entry(3, **newest)]).status == "done"
    assert (directory / "current").read_text() == f"weights {chosen}"


def test_an_absolute_path_inside_is_taken_and_one_outside_is_not(directory: Path) -> None:
    outside = directory.parent / "outside.pt"
    outside.write_text("not ours")
    history = [
        entry(1, checkpoint_path=str(directory / "step-1.pt")),
        entry(2, checkpoint_path=str(outside)),
    ]
    rolled_back(directory, history)
    assert (directory / "current").read_text() == "weights 1"


def test_the_limits_can_be_set(directory: Path) -> None:
    keys = {"max_kl_divergence": 0.01, "min_reward": 1, "max_reward": 2, "reload": ["true"]}
    history = [entry(1, kl_divergence=0.01, reward=1.5), entry(2), entry(3, kl_divergence=0.0)]
    assert rolled_back(directory, history, **keys).status == "done"
    assert (directory / "current").read_text() == "weights 1"


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (None, "checkpoint_history.json: No such file or directory"),
        ("", "checkpoint_history.json: is not valid JSON"),
        ("[" * 200_000, "checkpoint_history.json: is not valid JSON"),
        ("[]", "checkpoint_history.json: is not a list of checkpoints, or it is empty"),
        ('{"step": 1}', "checkpoint_history.json: is not a list of checkpoints, or it is empty"),
        ([3], "none of 1 checkpoints is stable: 1 × not an object"),
        (
            [entry(1, loss=None), entry(2, reward=31), entry(3, reward=0), entry(4)],
            "none of 4 checkpoints is stable: 1 × loss is not finite; "
            "2 × reward outside 5 to 30; 1 × the file does not exist",
        ),
        (
            [entry(1, checkpoint_path="/etc/passwd")],
            "none of 1 checkpoints is stable: 1 × the file is outside the directory",
        ),
    ],
)
def test_without_a_stable_checkpoint_nothing_is_switched(
    directory: Path, history: Any, message: str
) -> None:
    (directory / "current").symlink_to("step-3.pt")
    result = rolled_back(directory, history)
    assert result.status == "failed"
    assert result.message.endswith(message)
    assert os.readlink(directory / "current") == "step-3.pt"


def test_a_history_that_is_no_text_has_failed(directory: Path) -> None:
    (directory / "checkpoint_history.json").write_bytes(b"\xff\xfe")
    assert rolled_back(directory, None).message.endswith("is not valid JSON")


def test_a_directory_that_is_gone_has_failed(directory: Path) -> None:
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    assert rolled_back(directory, None).message.endswith("No such file or directory")


def test_the_link_is_replaced_and_nothing_is_left_behind(directory: Path) -> None:
    (directory / "current").symlink_to("step-3.pt")
    before = sorted(file.name for file in directory.iterdir())
    rolled_back(directory, [entry(1)])
    assert os.readlink(directory / "current") == "step-1.pt"
    names = {*before, "checkpoint_history.json"}
    assert sorted(file.name for file in directory.iterdir()) == sorted(names)


def test_a_link_that_is_broken_is_replaced(directory: Path) -> None:
    (directory / "current").symlink_to("long-gone.pt")
    assert rolled_back(directory, [entry(1)]).status == "done"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_is_no_link_is_left_alone(directory: Path, make: Callable[[Path], None]) -> None:
    make(directory / "current")
    result = rolled_back(directory, [entry(1)])
    assert result.status == "failed"
    assert result.message.endswith("current is not a symbolic link, so it was not changed")
    assert not (directory / "current").is_symlink()


def test_no_reader_ever_finds_the_link_missing(directory: Path) -> None:
    link = directory / "current"
    link.symlink_to("step-1.pt")
    over, seen = threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            seen.add(link.read_text() if link.exists() else "missing")

    reader = threading.Thread(target=read)
    reader.start()
    for step in (2, 3) * 500:
        switch(link, directory / f"step-{step}.pt")
    over.set()
    reader.join()
    assert seen
    assert seen <= {"weights 1", "weights 2", "weights 3"}


def test_a_reload_that_fails_says_that_the_link_is_switched(directory: Path) -> None:
    result = rolled_back(directory, [entry(1)], reload=["false"])
    assert result.status == "failed"
    assert result.message == ("current is step 1 (step-1.pt), but loading it failed: exit code 1")


def test_an_address_receives_what_to_load(directory: Path) -> None:
    with server.receiver() as service:
        result = rolled_back(directory, [entry(2)], reload_url=f"{service.url}/reload")
    assert result.message == f"current is step 2 (step-2.pt), {service.url}/reload answers 200: ok"
    assert service.requests[0].body == {
        "checkpoint_path": str(directory / "step-2.pt"),
        "step": 2,
    }
