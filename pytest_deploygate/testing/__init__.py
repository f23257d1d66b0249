"""A plugin for pytest: tests of a project's checks, before production tests them.

The fixture :func:`production` takes series as a test writes them down, and has a real gate judge
them on a real Prometheus.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_deploygate.plugin.entry import SEEN
from pytest_deploygate.testing.servers import MissingServer, executable

if TYPE_CHECKING:
    from pytest_deploygate.testing.judgement import Judgement
    from pytest_deploygate.testing.production import Production

__all__ = ["Judgement", "Production"]

_NOT_TESTED = "NOT TESTED: "


def __getattr__(name: str) -> Any:
    # Imported when first used: most tests of a suite need no gate.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{name.lower()}"), name)


@pytest.fixture
def production(request: pytest.FixtureRequest) -> Production:
    """An empty production.

    Without Prometheus the test is skipped; where ``CI`` is set it fails.
    """
    try:
        executable("prometheus", "prometheus")
    except MissingServer as missing:
        why = f"{_NOT_TESTED}{missing}, or see https://prometheus.io/download"
        if os.environ.get("CI"):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    from pytest_deploygate.testing import seen
    from pytest_deploygate.testing.production import Production

    def judged(judgement: Judgement) -> None:
        seen.add(request.config, seen.breaches(judgement))
        request.node.add_report_section("call", "gate", judgement.output)

    return Production(request.config.rootpath, judged)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say why the gate said what it said."""
    from pytest_deploygate.testing.judgement import Judgement

    return left.explained(op, right) if isinstance(left, Judgement) else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the controller what a worker of xdist has seen."""
    from pytest_deploygate.testing import seen

    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[SEEN] = seen.of(session.config)


def receive(config: pytest.Config, found: Mapping[str, bool]) -> None:
    """On xdist's controller: what a worker has seen."""
    from pytest_deploygate.testing import seen

    seen.add(config, found)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what was not tested, and the checks that no test has seen fail."""
    from pytest_deploygate.core.text import counted
    from pytest_deploygate.testing import seen

    skipped = terminalreporter.stats.get("skipped", ())
    missing = [one for one in skipped if _NOT_TESTED in str(one.longrepr)]
    known = seen.of(config)
    if not (missing or known):
        return
    terminalreporter.section("checks of the deployment gate")
    if missing:
        why = str(missing[0].longrepr[2]).partition(_NOT_TESTED)[2]
        terminalreporter.line(f"{counted(len(missing), 'test')} did not run: {why}")
    if known:
        checks = [] if _is_part(config) else seen.checks_of(config.rootpath)
        for line in seen.lines(known, checks):
            terminalreporter.line(line)


def _is_part(config: pytest.Config) -> bool:
    """Whether only some tests were asked for: they say nothing of the checks that others judge."""
    named = any("::" in argument for argument in config.args)
    option = config.option
    return bool(named or option.keyword or option.markexpr or getattr(option, "lf", False))
