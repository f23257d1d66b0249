"""The actions of one run: prepared before the run, carried out once after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.report import ActionResult, ActionStatus, GateReport, SourceInfo
from pytest_deploygate.core.secrets import Redactor

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import ActionKind
    from pytest_deploygate.actions.runner import Step

NOTHING_RAN = "not done: no check was run"
INTERRUPTED = "not done: the run was interrupted"
MISTAKEN = "not done: a setting of this run is unknown"


class ActionPlan:
    """The actions of a run; they are carried out only if nothing holds them back.

    Args:
        steps: the actions in their order.
        held_back: why nothing may be done in this run, empty if something may.
    """

    def __init__(self, steps: tuple[Step, ...] = (), *, held_back: str = "") -> None:
        self._steps = steps
        self._held_back = held_back or NOTHING_RAN
        self._may_begin = not held_back
        self._done = False
        self.results: tuple[ActionResult, ...] = ()

    def begin(self) -> None:
        """Checks are run from here on, so that there will be a verdict to act on."""
        if self._may_begin:
            self._held_back = ""

    def hold_back(self, why: str) -> None:
        """Do nothing in this run: its verdict is not one to act on. The first reason counts."""
        self._held_back = self._held_back or why

    def mistakes(self, report: GateReport) -> tuple[str, ...]:
        """Complaints about actions that name a check which this run does not have.

        They are found in every run: nobody should find a typo on the first NO-GO.
        """
        complaints = ((step.name, step.unknown_check(report)) for step in self._steps)
        return tuple(f"actions.{name}: {why}" for name, why in complaints if why)

    def act(self, report: GateReport, redactor: Redactor, announce: Callable[[str], None]) -> str:
        """Carry the actions out, or only list them; a second call does nothing.

        Args:
            report: the verdict, and what it comes from.
            redactor: keeps secrets out of the messages.
            announce: is called with a line before each action.

        Returns:
            The problem if somebody interrupted an action, else empty.
        """
        if self._done or not self._steps:
            return ""
        from pytest_deploygate.actions.runner import Runner

        self._done = True
        runner = Runner(redactor=redactor, held_back=self._held_back, announce=announce)
        try:
            for result in runner.carry_out(self._steps, report):
                self.results += (result,)
        except KeyboardInterrupt:
            begun, *others = self._steps[len(self.results) :]
            self.results += (_stopped(begun, ActionStatus.FAILED, "interrupted"),)
            self.results += tuple(
                _stopped(step, ActionStatus.SKIPPED, f"{begun.name} was interrupted")
                for step in others
            )
            return f"interrupted while the action {begun.name!r} was carried out"
        return ""


def _stopped(step: Step, status: ActionStatus, why: str) -> ActionResult:
    return ActionResult(name=step.name, kind=step.kind, status=status, message=why)


def plan_actions(
    tables: Sequence[Mapping[str, Any]],
    file: Path,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    kinds: Callable[[], Mapping[str, ActionKind]],
    held_back: str,
) -> ActionPlan:
    """The plan for the ``[[actions]]`` of a configuration file.

    Args:
        tables: validated tables, in their order.
        file: where they are configured; relative paths in them begin beside it.
        environ: the process's environment.
        redactor: learns the secrets of the actions, and keeps all secrets out of their messages.
        kinds: returns every kind of action by its name. It is called only if there are tables:
            without them no module of an action is imported.
        held_back: why nothing may be done in this run, empty if something may.

    Raises:
        ConfigurationError: an action contradicts itself, or this machine lacks what it needs.
    """
    if not tables:
        return ActionPlan()
    from pytest_deploygate.actions.base import Context
    from pytest_deploygate.actions.runner import check, prepare

    context = Context(directory=file.parent, environ=environ, redactor=redactor)
    try:
        steps = prepare(tables, kinds(), context)
        if not held_back:
            # A plan can be shown on a machine that has neither the secrets nor the commands.
            check(steps)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None
    return ActionPlan(steps, held_back=held_back)


def why_held_back(*, act: bool, source: SourceInfo, judges: bool) -> str:
    """Why a run may not carry its actions out, empty if it may.

    Args:
        act: whether ``--gate-act`` was given.
        source: where the measurements come from.
        judges: whether this run carries its checks out at all.
    """
    if not act:
        return "not done without --gate-act"
    if source.is_recording:
        return "not done: evidence is only replayed"
    return "" if judges else NOTHING_RAN
