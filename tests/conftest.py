"""What every test needs: the servers, and a gate run as a user runs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import servers
from tests.production import openmetrics, production

END = 1_790_000_000.0
"""When the healthy production is judged: Unix seconds."""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate under test must not hear of the pipeline, the server or the secrets around it."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CI_", "GITLAB_", "PROMETHEUS_", "PYTEST_", "DEPLOYGATE_")):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONWARNINGS", "")
    # hypothesis' own plugin imports all of hypothesis into each of the hundreds of runs under test
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Iterator[None]:
    """A server that is not installed skips the test and says so; in CI it fails it."""
    try:
        return (yield)
    except servers.MissingServer as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NOT TESTED: {missing}; make test installs it")


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A Prometheus that holds a healthy service, to be judged at ``END``."""
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("healthy")
        yield stack.enter_context(servers.prometheus(openmetrics(production(END)), directory))


Gate = Callable[..., pytest.RunResult]


@pytest.fixture
def run_gate(pytester: pytest.Pytester) -> Gate:
    """``pytest -p deploygate ...`` in a process of its own, in an empty directory."""

    def run(*arguments: str | Path) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "deploygate", *arguments, timeout=120)

    return run


@pytest.fixture(params=[(), ("-n", "2")], ids=["plain", "xdist"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The arguments for a plain run, and for one with two workers."""
    given: tuple[str, ...] = request.param
    return given
