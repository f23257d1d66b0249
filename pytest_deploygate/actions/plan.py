"""The actions of one run: prepared before it, carried out once after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.report import ActionResult, ActionStatus, GateReport
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.engine.run import GateRun

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import Kind
    from pytest_deploygate.actions.runner import Step

NOTHING_RAN = "not done: no check was run"
INTERRUPTED = "not done: the run was interrupted"
MISTAKEN = "not done: a setting of this run means nothing in it"


class Acting:
    """Holds back unless ``--gate-act`` was given, the source is a server and checks were run."""

    def __init__(self, steps: tuple[Step, ...] = (), *, held_back: str = "") -> None:
        self._steps = steps
        self._held_back = held_back or NOTHING_RAN
        self._may_begin = not held_back
        self._done = False
        self.results: tuple[ActionResult, ...] = ()

    def begin(self) -> None:
        """Checks are run from here on: what they say may be acted on."""
        if self._may_begin:
            self._held_back = ""

    def hold_back(self, why: str) -> None:
        """What comes of this run is no verdict to act on."""
        self._held_back = self._held_back or why

    def act(self, report: GateReport, redactor: Redactor, announce: Callable[[str], None]) -> str:
        """Carry the actions out, or only plan them; a second time does nothing.

        Returns:
            What kept it from its end, if somebody interrupted it.
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


def acting_for(
    run: GateRun,
    environ: Mapping[str, str],
    kinds: Callable[[], Mapping[str, Kind]],
    *,
    judges: bool,
) -> Acting:
    """The actions that the settings of a run configure.

    Args:
        run: its settings, its source, its secrets.
        environ: the process's environment.
        kinds: gives every kind of action by its name.
        judges: whether this run carries its checks out at all.

    Raises:
        ConfigurationError: an action contradicts itself, or lacks something that it needs now.
    """
    tables = run.settings.actions
    if not tables.tables:
        return Acting()
    from pytest_deploygate.actions.base import Context
    from pytest_deploygate.actions.runner import check, prepare

    context = Context(directory=tables.file.parent, environ=environ, redactor=run.redactor)
    held_back = _held_back(run, judges)
    try:
        steps = prepare(tables.tables, kinds(), context)
        if not held_back:
            check(steps)
    except ConfigurationError as error:
        raise ConfigurationError(f"{tables.file}: {error}") from None
    return Acting(steps, held_back=held_back)


def _held_back(run: GateRun, judges: bool) -> str:
    if not run.settings.flag("gate-act"):
        return "not done without --gate-act"
    if run.source.info.is_recording:
        return "not done: evidence is only replayed"
    return "" if judges else NOTHING_RAN
