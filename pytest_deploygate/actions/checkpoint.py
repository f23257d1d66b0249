"""A rollback to the newest stable checkpoint (the document's 3.2 and 7.1)."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from pytest_deploygate.actions.base import ActionKind, Context, Deadline
from pytest_deploygate.actions.endpoint import PLACES, Endpoint, one_of, properties
from pytest_deploygate.actions.process import ARGV, execute, refuse_missing
from pytest_deploygate.core.errors import ActionError, ConfigurationError
from pytest_deploygate.core.report import GateReport

HISTORY = "checkpoint_history.json"
LINK = "current"
_RELOADS = ("reload", *(f"reload_{place}" for place in PLACES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What makes a checkpoint stable (the document's 7.1)."""

    max_kl_divergence: float = 0.03
    min_reward: float = 5.0
    max_reward: float = 30.0

    def objection(self, entry: Mapping[str, Any]) -> str:
        """Why a checkpoint is not stable; nothing if it is."""
        if not _finite(entry.get("loss")):
            return "loss is not finite"
        divergence, reward = entry.get("kl_divergence"), entry.get("reward")
        if not _finite(divergence) or divergence > self.max_kl_divergence:
            return f"kl_divergence above {self.max_kl_divergence:g}"
        if not _finite(reward) or not self.min_reward <= reward <= self.max_reward:
            return f"reward outside {self.min_reward:g} to {self.max_reward:g}"
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A stable checkpoint, its file below the directory; ``saved_at`` is Unix seconds."""

    step: float
    saved_at: float
    path: Path


class CheckpointRollback:
    """Points the link ``current`` at the newest stable checkpoint, then has it loaded.

    Raises:
        ConfigurationError: the limits leave nothing, or it is not clear who loads it.
    """

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        given = {key: options[key] for key in Limits.__dataclass_fields__ if key in options}
        self._limits = Limits(**given)
        if self._limits.min_reward > self._limits.max_reward:
            raise ConfigurationError("min_reward is above max_reward: no checkpoint can be stable")
        self._directory = context.directory / options["directory"]
        self._context = context
        key = one_of(options, _RELOADS)
        self._argv: list[str] = options.get("reload", [])
        address = {name.removeprefix("reload_"): value for name, value in options.items()}
        self._endpoint = (
            None if self._argv else Endpoint(key.removeprefix("reload_"), address, context)
        )

    def describe(self) -> str:
        """Where it would roll back."""
        return f"roll {self._directory / LINK} back to the newest stable checkpoint"

    def check(self) -> None:
        """The directory and what loads a checkpoint are there."""
        if not self._directory.is_dir():
            raise ConfigurationError(f"directory {self._directory} is no directory")
        if self._endpoint:
            self._endpoint.check()
        else:
            refuse_missing(self._argv, self._context)

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """Roll back; once the link is switched it stays so, even if loading fails."""
        chosen = newest_stable(self._directory, self._limits)
        switch(self._directory / LINK, chosen.path)
        told = f"{LINK} is step {chosen.step:g} ({chosen.path.name})"
        try:
            return f"{told}, {self._load(chosen, report, deadline)}"
        except ActionError as error:
            raise ActionError(f"{told}, but loading it failed: {error}") from None

    def _load(self, chosen: Checkpoint, report: GateReport, deadline: Deadline) -> str:
        if self._endpoint:
            document = {"checkpoint_path": str(chosen.path), "step": chosen.step}
            return self._endpoint.post(document, deadline)
        return execute(self._argv, self._context, report, deadline)


def newest_stable(directory: Path, limits: Limits) -> Checkpoint:
    """The newest checkpoint that is stable and whose file is there.

    Raises:
        ActionError: there is none; the message counts the reasons.
    """
    history = _history(directory / HISTORY)
    found: list[Checkpoint] = []
    objections: Counter[str] = Counter()
    for entry in history:
        try:
            found.append(_checkpoint(entry, directory, limits))
        except ActionError as error:
            objections[str(error)] += 1
    if not found:
        told = "; ".join(f"{count} × {reason}" for reason, count in objections.items())
        raise ActionError(f"none of {len(history)} checkpoints is stable: {told}")
    return max(found, key=lambda one: (one.saved_at, one.step))


def _history(path: Path) -> list[Any]:
    try:
        history = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ActionError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ActionError(f"{path}: is no JSON") from None
    if not isinstance(history, list) or not history:
        raise ActionError(f"{path}: holds no list of checkpoints")
    return history


def _checkpoint(entry: Any, directory: Path, limits: Limits) -> Checkpoint:
    if not isinstance(entry, dict):
        raise ActionError("no object")
    if objection := limits.objection(entry):
        raise ActionError(objection)
    step = entry.get("step")
    return Checkpoint(
        step=step if _finite(step) else 0.0,
        saved_at=_saved_at(entry.get("timestamp")),
        path=_inside(entry.get("checkpoint_path"), directory),
    )


def _finite(value: Any) -> TypeGuard[float]:
    """Whether it is a number that a float can hold; JSON's integers have no largest."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max


def _saved_at(timestamp: Any) -> float:
    """Unix seconds of a number or of ISO 8601, which is UTC when it does not say."""
    if _finite(timestamp):
        return float(timestamp)
    try:
        moment = datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        raise ActionError("timestamp is no time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _inside(given: Any, directory: Path) -> Path:
    """The real path of a file, which no ``..`` and no link leads out of the directory."""
    root = directory.resolve()
    try:
        path = Path(root / given).resolve()
        if not path.is_relative_to(root):
            raise ActionError("the file is outside the directory")
        if path.is_file():
            return path
    except (TypeError, ValueError, OSError, RuntimeError):
        pass
    raise ActionError("the file is gone")


def switch(link: Path, target: Path) -> None:
    """Point a link at a file, so that no reader ever finds it missing.

    Raises:
        ActionError: what stands there is no link, or it cannot be replaced.
    """
    if link.exists() and not link.is_symlink():
        raise ActionError(f"{link} is no symbolic link, and is left alone")
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    try:
        temporary.symlink_to(os.path.relpath(target, link.parent.resolve()))
        os.replace(temporary, link)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ActionError(f"{link} cannot be switched: {error.strerror}") from None


_NUMBER = {"type": "number"}
CHECKPOINT_ROLLBACK = ActionKind(
    CheckpointRollback,
    {
        "directory": {"type": "string", "minLength": 1},
        **dict.fromkeys(Limits.__dataclass_fields__, _NUMBER),
        "reload": ARGV,
        **{f"reload_{key}": value for key, value in properties(PLACES).items()},
    },
    ("directory",),
)
