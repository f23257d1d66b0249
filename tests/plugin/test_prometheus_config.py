"""``--prometheus-config`` in a whole run: it is found, used, refused, and never shown."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.conftest import Gate
from tests.real.test_access import BCRYPT, PASSWORD, USER

CHECK = """
from pytest_deploygate import Criterion, gate_criteria
@gate_criteria([Criterion(id=f"c{n}", query=f"vector({n})", below=9) for n in range(4)])
def test_it(criterion, gate):
    gate.check(criterion)
"""
CONFIG = f"basic_auth: {{username: {USER}, password: '{PASSWORD}'}}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A server that wants a password."""
    directory = tmp_path_factory.mktemp("guarded")
    web = directory / "web.yml"
    web.write_text(f"basic_auth_users: {{{USER}: {BCRYPT!r}}}")
    with servers.prometheus("# EOF\n", directory, web_config=web) as server:
        yield server


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    pytester.makepyfile(test_it=CHECK)
    (pytester.path / "conf").mkdir()
    (pytester.path / "conf" / "http.yml").write_text(CONFIG)
    return pytester.path


def test_every_worker_is_let_in_and_nobody_tells(
    project: Path, run_gate: Gate, workers: tuple[str, ...], guarded: servers.Server
) -> None:
    (project / "deploygate.toml").write_text('prometheus-config = "conf/http.yml"')
    files = [f"--gate-{kind}=out/{kind}" for kind in ("json", "junit", "html", "record", "metrics")]
    run = run_gate(*workers, "--prometheus-url", guarded.url, "-vv", "--showlocals", *files)
    assert run.ret == 0
    written = [path.read_text() for path in (project / "out").iterdir()]
    assert len(written) == 5
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for text in (run.stdout.str(), run.stderr.str(), *written):
        assert PASSWORD not in text
        assert pair not in text


def test_a_wrong_password_is_an_error_and_not_shown(
    project: Path, run_gate: Gate, workers: tuple[str, ...], guarded: servers.Server
) -> None:
    (project / "conf" / "http.yml").write_text(CONFIG.replace(PASSWORD, "wrong-horse"))
    given = ("--prometheus-url", guarded.url, "--prometheus-config", "conf/http.yml")
    run = run_gate(*workers, *given, "-vv", "--showlocals", "--tb=long")
    assert run.ret == 2
    run.stdout.fnmatch_lines(["*answers 401: it refuses the credentials that were given*"])
    assert "wrong-horse" not in run.stdout.str() + run.stderr.str()


@pytest.mark.parametrize(
    ("text", "token", "message"),
    [
        (CONFIG, "hush-hush", "PROMETHEUS_TOKEN and --prometheus-config * different credentials*"),
        (CONFIG.replace("password", "pasword"), "", "unknown key * did you mean 'password'*"),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(
    project: Path,
    run_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    token: str,
    message: str,
) -> None:
    (project / "conf" / "http.yml").write_text(text)
    monkeypatch.setenv("PROMETHEUS_TOKEN", token)
    run = run_gate("--prometheus-config", "conf/http.yml")
    assert run.ret == 4
    run.stderr.fnmatch_lines([f"ERROR: deploygate: *{message}"])
    assert len(run.stderr.str().splitlines()) <= 2
    assert PASSWORD not in run.stderr.str()
