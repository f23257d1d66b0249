"""The criteria that a pytest command line would collect, without running them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import counted, printable
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.plugin.hooks import GATE_HOOKS, GateHooks
from pytest_deploygate.plugin.items import asks, criteria_of, severities_of
from pytest_deploygate.plugin.run_hooks import RUN_HOOKS

DEFAULT_ARGUMENTS = ("--pyargs", "gate_checks")


class InlineTest(NamedTuple):
    """A test without a criterion as its parameter: whatever it asks stands in its function."""

    name: str
    function: Callable[..., object]
    params: Mapping[str, object]
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class Collected:
    """Criteria resolved with the settings of their run, in the order of collection.

    Those that the configuration leaves out are not among them.

    ``arguments`` are those that make pytest run them; ``others`` counts the tests that pytest
    runs with them and that are not criteria. ``problems`` say why some criteria cannot be asked.
    ``partial`` says why a run of them is at best a WARNING, whatever they say; empty if it is not.
    ``given`` are the criteria as they are written, and ``tests`` those that are not criteria.
    """

    criteria: tuple[Criterion, ...]
    run: GateRun
    arguments: tuple[str, ...]
    others: int = 0
    problems: tuple[str, ...] = ()
    partial: str = ""
    given: tuple[Criterion, ...] = ()
    tests: tuple[InlineTest, ...] = ()


class _Collector:
    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = tuple(arguments)
        self.collected: Collected | None = None
        self.found_nothing = False
        self.is_broken = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """What comes after it is not the gate's: nothing was judged, nothing may be reported."""
        try:
            return (yield)
        finally:
            session.config.pluginmanager.unregister(name=RUN_HOOKS)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        gate = session.config.stash[GATE_HOOKS]
        why_left_out = gate.run.settings.why_left_out
        asked = [one for one in gate.criteria if not why_left_out(one.id)]
        scoped = [gate.run.scoped(one) for one in asked]
        self.collected = Collected(
            tuple(one.criterion for one in scoped),
            gate.run,
            self._arguments,
            others=gate.findings.expected - len(gate.criteria),
            problems=tuple(one.problem for one in scoped if one.problem),
            partial=_partial(gate),
            given=tuple(asked),
            tests=tuple(_inline(one) for one in session.items if not criteria_of(one)),
        )
        named = session.config.args_source is pytest.Config.ArgsSource.ARGS
        # pytest leaves out the files that cannot be collected, and has the others
        self.is_broken = session.testsfailed > 0
        self.found_nothing = not (named or self.is_broken or any(map(asks, session.items)))


def _partial(gate: GateHooks) -> str:
    """What is left out of a run, as far as collecting shows it."""
    notes, left_out = gate.findings.notes, gate.run.settings.left_out
    reasons = list(notes.left_out)
    if notes.deselected:
        reasons.append(f"{counted(notes.deselected, 'check')} deselected")
    levels = [gate.run.resolved(one).level for one in gate.criteria if one.id not in left_out]
    if left_out and Severity.CRITICAL not in levels:
        reasons.append("every critical criterion is left out on purpose")
    return printable("; ".join(reasons))


def _inline(item: pytest.Item) -> InlineTest:
    callspec = getattr(item, "callspec", None)
    return InlineTest(
        item.name.removeprefix("test_"),
        getattr(item, "function", item.runtest),
        callspec.params if callspec else {},
        min(severities_of(item), default=None),
    )


def collect(arguments: Sequence[str], *, inline: bool = False) -> Collected:
    """The criteria that pytest would run with these arguments.

    Where it would find no check, and no path is named, they are those that ship.

    Args:
        arguments: of pytest.
        inline: whether tests without a criterion are enough.

    Raises:
        ConfigurationError: pytest cannot collect them, or there is none.
    """
    collector, output = _run(arguments)
    if collector.found_nothing:
        collector, output = _run([*arguments, *DEFAULT_ARGUMENTS])
    found = collector.collected
    if collector.is_broken:
        raise ConfigurationError(
            printable(Redactor().text(f"not all checks can be collected: {cause(output)}"))
        )
    if found is None or not (found.criteria or (inline and found.tests)):
        line = cause(output)
        why = f": {line}" if line else "; name tests that use gate_criteria"
        message = f"no criterion was collected from {' '.join(arguments) or 'here'}{why}"
        raise ConfigurationError(printable(Redactor().text(message)))
    return found


def default_arguments() -> tuple[str, ...]:
    """None where a gate without arguments finds checks, else those of the checks that ship."""
    collector, _ = _run(())
    return DEFAULT_ARGUMENTS if collector.found_nothing else ()


def cause(output: str) -> str:
    """The line of pytest's output that says best what went wrong: an exception's, or any."""
    lines = [line for line in output.splitlines() if "usage:" not in line]
    exceptions = [line[1:] for line in lines if line.startswith("E ")]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    found = exceptions or errors or [line for line in lines if "error:" in line] or [""]
    return (found[-1] if exceptions else found[0]).strip()


def _run(arguments: Sequence[str]) -> tuple[_Collector, str]:
    collector, output = _Collector(arguments), io.StringIO()
    # pytest would like to be the first to import what it is already running in
    quiet = ["-q", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    command = ["-p", "deploygate", "--collect-only", *quiet, *arguments]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        pytest.main(command, plugins=[collector])
    return collector, output.getvalue()
