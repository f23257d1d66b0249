"""``pytest_deploygate.testing``: what the test's server holds, and what its gate may reach."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_deploygate import ConfigurationError
from pytest_deploygate.testing import Production
from pytest_deploygate.testing.notation import values
from pytest_deploygate.testing.remote_write import Samples, send
from pytest_deploygate.testing.servers import prometheus
from tests import forked, servers
from tests.conftest import END
from tests.real.asking import instant

CHECK = """
from pytest_deploygate import Criterion, gate_criteria, no_alerts
@gate_criteria([Criterion(id="load", query="load", below=1), no_alerts()])
def test_load(criterion, gate):
    gate.check(criterion)
"""


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Production:
    servers.executable("prometheus", "prometheus")
    monkeypatch.setattr("os.environ", {**os.environ, "GITHUB_OUTPUT": str(tmp_path / "github")})
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {' '.join(forked.WITHOUT)}")
    (tmp_path / "test_load.py").write_text(CHECK)
    return Production(tmp_path, lambda judgement: None)


def test_the_server_holds_what_was_written(tmp_path: Path) -> None:
    text = "1 _ 3 stale _ 5 NaN -Inf 0.1+0.2x2"
    read = values(text)
    series = [
        Samples(
            {"__name__": "long", "q": '"é'}, [0.5] * 20_000, int(END * 1000) - 299_985_000, 15_000
        ),
        Samples({"__name__": "x"}, read, int(END * 1000) - 10 * 15_000, 15_000),
    ]
    program = prometheus(tmp_path / "data", "--web.enable-remote-write-receiver")
    with servers.running(program) as server:
        send(server.url, series)
        seen = [instant(server.url, "x", END - 15 * age) for age in reversed(range(len(read)))]
        assert [[repr(value) for _, value in one] for one in seen] == [
            *(["1.0"], ["1.0"], ["3.0"], [], [], ["5.0"], ["nan"], ["-inf"]),
            *(["0.1"], ["0.30000000000000004"], ["0.5"]),
        ]
        assert instant(server.url, 'count_over_time(long{q="\\"é"}[4d])', END)[0][1] == 20_000
        with pytest.raises(ConfigurationError, match="Prometheus refuses the series: 400, "):
            send(server.url, [Samples({"__name__": "x"}, [9.0], int(END * 1000) - 1, 1)])


def test_the_gate_reaches_nothing_but_the_test(production: Production, tmp_path: Path) -> None:
    (tmp_path / "deploygate.toml").write_text(
        """
        gate-json = "gate.json"
        gate-history = "history.jsonl"
        gate-act = true
        gate-watch = "1h"
        prometheus-url = "http://production.example.com"
        prometheus-config = "missing.yml"
        [criteria.load]
        severity = "warning"
        [[actions]]
        name = "touch"
        kind = "command"
        on = ["WARNING"]
        command = ["touch", "touched"]
        """
    )
    (tmp_path / "conftest.py").write_text(
        "def pytest_deploygate_source():\n    raise RuntimeError('production was asked')"
    )
    production.series("load", "1.5x4")
    production.series('ALERTS{alertname="Full",alertstate="firing"}', "1x3 stale")
    verdict = production.judge("test_load.py")
    assert (verdict == "WARNING", verdict["load"].reason, verdict["load"].value) == (
        *(True, "breach"),
        1.5,
    )
    assert verdict["no_alerts"].reason == "ok"
    assert "deploygate.toml" in verdict.output
    names = {path.name for path in tmp_path.iterdir()} - {"__pycache__", ".pytest_cache"}
    assert names == {"pytest.ini", "test_load.py", "conftest.py", "deploygate.toml"}


def test_options_of_the_test_count(production: Production, tmp_path: Path) -> None:
    production.series("load", "0.5x4", interval="1m")
    production.series('ALERTS{alertname="Full",alertstate="firing"}', "1x3")
    verdict = production.judge("test_load.py", "--gate-junit=junit.xml", "--gate-advisory")
    assert (verdict == "NO-GO", verdict.exit_code) == (True, 0)
    assert {one.id: one.reason.value for one in verdict.results} == {
        "load": "ok",
        "no_alerts": "breach",
    }
    assert (tmp_path / "junit.xml").exists()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--gate-sett=a=1", "ended in 4 without a verdict: .*unrecognized arguments: --gate-sett"),
        ("test_lod.py", "judged nothing: .*test_lod.py"),
        ("test_broken.py", "is broken: test_broken.py: .*No module named 'nowhere'"),
    ],
)
def test_a_gate_that_cannot_judge_fails_the_test(
    production: Production, tmp_path: Path, argument: str, message: str
) -> None:
    (tmp_path / "test_broken.py").write_text("import nowhere")
    with pytest.raises(pytest.fail.Exception, match=f"^pytest -p deploygate {argument} {message}"):
        production.judge(argument)


def test_a_series_is_given_once(production: Production) -> None:
    production.series('load{a="1",b="2"}', "1")
    with pytest.raises(ConfigurationError, match="production has this series already"):
        production.series('load{b="2",a="1"}', "2")
    with pytest.raises(ConfigurationError, match=r"^up: '1y' is not a value"):
        production.series("up", "1y")


SUITE = """
pytest_plugins = ["pytest_deploygate.testing"]
def test_it(production):
    pass
"""


@pytest.mark.parametrize("ci", ["", "true"])
def test_without_prometheus_nothing_passes(
    pytester: pytest.Pytester,
    fork_server: str,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
) -> None:
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.setenv("CI", ci)
    pytester.makepyfile(SUITE)
    done = forked.run_pytest(fork_server, pytester.path, *workers)
    done.assert_outcomes(skipped=int(not ci), errors=int(bool(ci)))
    why = "prometheus is not installed; Debian's package prometheus brings it, or see"
    assert f"{'NOT TESTED' if ci else '1 test did not run'}: {why}" in done.stdout.str()


def test_a_failed_test_shows_what_the_gate_wrote(
    pytester: pytest.Pytester, fork_server: str
) -> None:
    servers.executable("prometheus", "prometheus")
    pytester.makeini(f"[pytest]\naddopts = {' '.join(forked.WITHOUT)}")
    pytester.makepyfile(
        SUITE.replace("pass", 'assert production.judge("test_load.py") == "GO"'), test_load=CHECK
    )
    text = forked.run_pytest(fork_server, pytester.path, "-k", "test_it").stdout.str()
    assert "AssertionError: assert the gate says NO-GO == 'GO'" in text
    assert "E         load: WARNING, no-data: no data" in text
    assert "DEPLOYMENT GATE CHECK" in text.partition("Captured gate call")[2]
    assert "  no_alerts\n" in text.partition("2 of 2 checks were never seen to fail:")[2]
