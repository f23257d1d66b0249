"""Carry out actions in their order: those that the verdict calls for, within their time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pytest_deploygate.actions.base import Action, ActionKind, Context, Deadline
from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.errors import ActionError, ConfigurationError, did_you_mean
from pytest_deploygate.core.report import ActionResult, ActionStatus, GateReport
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.text import printable, printable_block

DEFAULT_TIMEOUT = 30.0
_GRACE = 3.0  # seconds for an action to clean up after its deadline


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One configured action: when to carry it out, and what it does. ``timeout`` is in seconds."""

    name: str
    kind: str
    on: tuple[str, ...]
    checks: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    needs: str = ""
    timeout: float = DEFAULT_TIMEOUT
    action: Action

    def unknown_check(self, report: GateReport) -> str:
        """What is wrong if ``for`` names a check that a complete run does not have, else empty.

        It is an error with every verdict: nobody should find a typo on the first NO-GO.
        """
        ids = {result.id for result in report.results}
        unknown = [name for name in self.checks if name not in ids]
        if not unknown or report.partial or report.problems:
            return ""
        return f"for {unknown[0]!r}: no check has this id, {did_you_mean(unknown[0], ids)}"

    def uncalled(self, report: GateReport) -> str:
        """Why the report does not call for this action, empty if it does."""
        verdict = report.verdict if self.checks else report.verdict_without_freezes
        if verdict.label not in self.on:
            return f"only on {', '.join(self.on)}"
        if not self.checks and not self.reasons:
            return ""
        failed = [result for result in report.results if not result.ok]
        failed = [one for one in failed if self.checks or not one.is_freeze]
        failed = [one for one in failed if not self.checks or one.id in self.checks]
        if not failed:
            return f"nothing is wrong with {', '.join(self.checks) or 'any check'}"
        if self.reasons and not any(one.reason in self.reasons for one in failed):
            return f"only for {', '.join(self.reasons)}"
        return ""


def prepare(
    tables: Sequence[Mapping[str, Any]], kinds: Mapping[str, ActionKind], context: Context
) -> tuple[Step, ...]:
    """The steps of validated ``[[actions]]`` tables, in their order.

    Raises:
        ConfigurationError: a table contradicts itself, or what it needs is not an earlier action.
    """
    steps: dict[str, Step] = {}
    for table in tables:
        name, needs = table["name"], table.get("needs", "")
        if needs and needs not in steps:
            raise ConfigurationError(
                f"actions.{name}: needs {needs!r}, but no action before it has this name, "
                f"{did_you_mean(needs, steps)}"
            )
        try:
            steps[name] = _step(table, kinds[table["kind"]], context)
        except ConfigurationError as error:
            raise ConfigurationError(f"actions.{name}: {error}") from None
    return tuple(steps.values())


def _step(table: Mapping[str, Any], kind: ActionKind, context: Context) -> Step:
    return Step(
        name=table["name"],
        kind=table["kind"],
        on=tuple(table["on"]),
        checks=tuple(table.get("for", ())),
        reasons=tuple(table.get("reasons", ())),
        needs=table.get("needs", ""),
        timeout=seconds(table.get("timeout", DEFAULT_TIMEOUT)),
        action=kind.make(table, context),
    )


def check(steps: Sequence[Step]) -> None:
    """Check before the gate runs whether this machine has what the actions need.

    Raises:
        ConfigurationError: something is missing.
    """
    for step in steps:
        try:
            step.action.check()
        except ConfigurationError as error:
            raise ConfigurationError(f"actions.{step.name}: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """Carries actions out.

    Args:
        redactor: removes secrets from the messages of actions.
        held_back: why nothing is done and the plan is only reported; empty to do it.
        announce: is called with one line before each action begins.
    """

    redactor: Redactor
    held_back: str = ""
    announce: Callable[[str], None] = field(default=lambda line: None)

    def carry_out(self, steps: Sequence[Step], report: GateReport) -> Iterator[ActionResult]:
        """The results one by one; a failure stops only the actions that need the failed one."""
        results: dict[str, ActionResult] = {}
        for step in steps:
            so_far = replace(report, actions=tuple(results.values()))
            began = time.monotonic()
            status, text = self._outcome(step, so_far, results.get(step.needs))
            message, _, output = self.redactor.text(text).partition("\n")
            results[step.name] = ActionResult(
                name=printable(step.name),
                kind=step.kind,
                status=status,
                message=printable(message),
                output=printable_block(output),
                duration=time.monotonic() - began,
            )
            yield results[step.name]

    def _outcome(
        self, step: Step, report: GateReport, needed: ActionResult | None
    ) -> tuple[ActionStatus, str]:
        if mistake := step.unknown_check(report):
            return ActionStatus.FAILED, mistake
        if reason := step.uncalled(report):
            return ActionStatus.SKIPPED, reason
        if needed and needed.status not in (ActionStatus.DONE, ActionStatus.PLANNED):
            return ActionStatus.SKIPPED, f"needs {step.needs}, which is {needed.status}"
        if self.held_back:
            return ActionStatus.PLANNED, f"{step.action.describe()} ({self.held_back})"
        return self._done(step, report)

    def _done(self, step: Step, report: GateReport) -> tuple[ActionStatus, str]:
        self.announce(f"{printable(step.name)} ({step.kind}), for up to {step.timeout:g} s")
        deadline = Deadline(step.timeout)
        try:
            return ActionStatus.DONE, _in_time(partial(step.action.run, report, deadline), deadline)
        except TimeoutError as error:
            return ActionStatus.TIMED_OUT, f"given up after {step.timeout:g} s\n{error}".rstrip()
        except ActionError as error:
            return ActionStatus.FAILED, str(error)
        except Exception as error:  # the code of an action may be broken: report it, and go on
            return ActionStatus.FAILED, f"{type(error).__name__}: {error}"


def _in_time(work: partial[str], deadline: Deadline) -> str:
    """The text that the work returns. Its thread is a daemon: if it hangs, the process can end."""
    answer: Future[str] = Future()
    target = partial(_answer, work, answer)
    thread = threading.Thread(target=target, name="deploygate-action", daemon=True)
    try:
        thread.start()
        return answer.result(deadline.left + _GRACE)
    except KeyboardInterrupt:
        # Ctrl+C must not leave a half-done action behind without its own clean-up.
        deadline.bring_forward()
        wait([answer], _GRACE)
        raise


def _answer(work: partial[str], answer: Future[str]) -> None:
    try:
        answer.set_result(work())
    except Exception as error:
        answer.set_exception(error)
    except BaseException as error:  # such as sys.exit() in a user's function
        answer.set_exception(ActionError(f"{type(error).__name__}: {error}"))
