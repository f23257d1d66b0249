"""What every test needs: the servers, and a gate run as a user runs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import forked, servers
from tests.production import openmetrics, production

# Some images forbid Python to keep bytecode: every new interpreter would compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The servers are written in Go: they may take more memory, and look for garbage less often.
os.environ.setdefault("GOGC", "400")

SERVED = tuple(
    f"tests/real/test_{name}.py"
    for name in (
        *("backtest", "doctor", "live_example", "narrowing", "page", "promql", "rules"),
        *("scenarios", "servers", "victoria_metrics"),
    )
)
"""The files that start servers of their own, of which each holds much data or runs for long."""
_OURS = (
    *("GITHUB_", "CI_", "GITLAB_", "GIT_", "BRANCH_", "BUILD_"),
    *("PROMETHEUS_", "PYTEST_", "DEPLOYGATE_"),
)
END = 1_790_000_000.0
"""When the healthy production is judged: Unix seconds."""


def environment() -> dict[str, str]:
    """The environment of a gate under test, without the pipeline, server and secrets around it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONWARNINGS": "", "PYTEST_ADDOPTS": " ".join(forked.WITHOUT)}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that a test starts have this environment."""
    own = environment()
    for name in os.environ.keys() - own.keys():
        monkeypatch.delenv(name)
    for name, text in own.items():
        monkeypatch.setenv(name, text)


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytest's own, which takes the options of the environment away, with ours again."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(forked.WITHOUT))
    return pytester


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: some tests wait for a server, or for time to pass."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all tests of a file with servers to one worker, so that they are started once.

    Marks of groups would do the same, but pytest-xdist 3.8 drops them silently with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ServersOnce(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("::")[0] if nodeid.startswith(SERVED) else nodeid

    return ServersOnce(config, log)


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


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What forks the gates under test from a process that has imported pytest."""
    with forked.fork_server(tmp_path_factory.mktemp("forked")) as address:
        yield address


@pytest.fixture
def run_gate(pytester: pytest.Pytester, fork_server: str) -> Gate:
    """``pytest -p deploygate ...`` in a process of its own, in an empty directory."""

    def run(*arguments: str | Path) -> pytest.RunResult:
        return forked.run_pytest(fork_server, pytester.path, "-p", "deploygate", *arguments)

    return run


@pytest.fixture
def start_gate(pytester: pytest.Pytester) -> Gate:
    """The same in a new interpreter, for what depends on how Python starts, imports and ends."""

    def run(*arguments: str | Path) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "deploygate", *arguments, timeout=120)

    return run


@pytest.fixture(params=[(), ("-n", "2")], ids=["plain", "xdist"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The arguments for a plain run, and for one with two workers."""
    given: tuple[str, ...] = request.param
    return given
