"""Roll back to the newest stable checkpoint of a training (the document's 3.2 and 7.1)."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from pytest_deploygate.actions.base import ActionKind, Context, Deadline
from pytest_deploygate.actions.endpoint import PLACES, Endpoint, one_of, properties, text_schema
from pytest_deploygate.actions.process import ARGV, execute, refuse_missing
from pytest_deploygate.core.errors import ActionError, ConfigurationError
from pytest_deploygate.core.report import GateReport

HISTORY = "checkpoint_history.json"
LINK = "current"
_RELOADS = ("reload", *(f"reload_{place}" for place in PLACES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits within which a checkpoint is stable (the document's 7.1)."""

    max_kl_divergence: float = 0.03
    min_reward: float = 5.0
    max_reward: float = 30.0

    def objection(self, entry: Mapping[str, Any]) -> str:
        """Why a checkpoint is not stable, empty if it is."""
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
    """A stable checkpoint; its file is inside the directory, ``saved_at`` is in Unix seconds."""

    step: float
    saved_at: float
    path: Path


class CheckpointRollback:
    """Points the link ``current`` at the newest stable checkpoint, then lets a service load it.

    Raises:
        ConfigurationError: no checkpoint can be within the limits, or not exactly one way to load
            a checkpoint is given.
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
        """What would be rolled back."""
        return f"roll {self._directory / LINK} back to the newest stable checkpoint"

    def check(self) -> None:
        """The directory and the way to load a checkpoint exist."""
        if not self._directory.is_dir():
            raise ConfigurationError(f"directory {self._directory} is not a directory")
        if self._endpoint:
            self._endpoint.check()
        else:
            refuse_missing(self._argv, self._context)

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """Roll back. The link stays switched even if loading fails: a restart loads the new one."""
        chosen = newest_stable(self._directory, self._limits)
        switch(self._directory / LINK, chosen.path)
        switched = f"{LINK} is step {chosen.step:g} ({chosen.path.name})"
        try:
            return f"{switched}, {self._load(chosen, report, deadline)}"
        except ActionError as error:
            raise ActionError(f"{switched}, but loading it failed: {error}") from None

    def _load(self, chosen: Checkpoint, report: GateReport, deadline: Deadline) -> str:
        if self._endpoint:
            document = {"checkpoint_path": str(chosen.path), "step": chosen.step}
            return self._endpoint.post(document, deadline)
        return execute(self._argv, self._context, report, deadline)


def newest_stable(directory: Path, limits: Limits) -> Checkpoint:
    """The newest checkpoint that is stable and whose file is there.

    Raises:
        ActionError: there is no such checkpoint; the message counts the reasons.
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
        reasons = "; ".join(f"{count} × {reason}" for reason, count in objections.items())
        raise ActionError(f"none of {len(history)} checkpoints is stable: {reasons}")
    # Of two that were saved in the same second, the later step is the newer one.
    return max(found, key=lambda one: (one.saved_at, one.step))


def _history(path: Path) -> list[Any]:
    try:
        history = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ActionError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ActionError(f"{path}: is not valid JSON") from None
    if not isinstance(history, list) or not history:
        raise ActionError(f"{path}: is not a list of checkpoints, or it is empty")
    return history


def _checkpoint(entry: Any, directory: Path, limits: Limits) -> Checkpoint:
    if not isinstance(entry, dict):
        raise ActionError("not an object")
    if objection := limits.objection(entry):
        raise ActionError(objection)
    step = entry.get("step")
    return Checkpoint(
        step=step if _finite(step) else 0.0,
        saved_at=_saved_at(entry.get("timestamp")),
        path=_inside(entry.get("checkpoint_path"), directory),
    )


def _finite(value: Any) -> TypeGuard[float]:
    """Whether it is a number that a float can represent; integers in JSON have no limit."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max


def _saved_at(timestamp: Any) -> float:
    """Unix seconds of a number, or of a time in ISO 8601, which is in UTC if it has no offset."""
    if _finite(timestamp):
        return float(timestamp)
    try:
        moment = datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        raise ActionError("timestamp is not a time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _inside(given: Any, directory: Path) -> Path:
    """The real path of a file. It must not lead out of the directory by ``..`` or a link."""
    root = directory.resolve()
    try:
        path = Path(root / given).resolve()
        if not path.is_relative_to(root):
            raise ActionError("the file is outside the directory")
        if path.is_file():
            return path
    except (TypeError, ValueError, OSError, RuntimeError):
        pass
    raise ActionError("the file does not exist")


def switch(link: Path, target: Path) -> None:
    """Point a link at a file by a rename, so that the link exists at every moment.

    Raises:
        ActionError: there is something else than a link, or the link cannot be replaced.
    """
    if link.exists() and not link.is_symlink():
        raise ActionError(f"{link} is not a symbolic link, so it was not changed")
    # The process id is in the name: two gates may roll back in one directory at the same time.
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    try:
        # A relative link also works where the directory is mounted under another path.
        temporary.symlink_to(os.path.relpath(target, link.parent.resolve()))
        os.replace(temporary, link)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ActionError(f"{link} cannot be switched: {error.strerror}") from None


CHECKPOINT_ROLLBACK = ActionKind(
    CheckpointRollback,
    {
        "directory": text_schema("where the checkpoints and their history are"),
        **{
            one.name: {"type": "number", "description": f"of a stable checkpoint ({one.default:g})"}
            for one in fields(Limits)
        },
        "reload": ARGV,
        **{f"reload_{key}": value for key, value in properties(PLACES).items()},
    },
    ("directory",),
)
