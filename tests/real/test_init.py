"""``deploygate init`` on real servers: what it writes judges the service rightly, at once."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate import cli
from tests import servers
from tests.conftest import END, Gate
from tests.production import Counter, Production, openmetrics
from tests.real.services import CONVENTIONS, OUTAGE, Convention, machine, service
from tests.real.test_doctor import MAIN

APART = 2 * 86_400.0


def states(convention: Convention) -> dict[str, Callable[[float], Production]]:
    """One thing is wrong in each of them but the first."""
    metrics = (convention.counter, f"{convention.times}_count", f"{convention.times}_sum")
    failed = {**convention.more, convention.label: convention.failing}
    first = Counter(0, start=300, born=10)  # 300 of 6000 requests, in one scrape
    return {
        "healthy": lambda end: service(end, convention.entries()),
        "failing": lambda end: service(end, convention.entries(failing=0.05)),
        "the first failures": lambda end: service(end, convention.entries()).with_series(
            convention.counter, {**failed, "job": "shop", "instance": "shop-1:80"}, first
        ),
        "slow": lambda end: service(end, convention.entries(shape="slow")),
        "down": lambda end: (
            service(end, convention.entries())
            .missing(lambda age: age < OUTAGE, *metrics[:1])
            .with_values("up", lambda age: 0 if age < OUTAGE else 1)
        ),
        "gone": lambda end: service(end, convention.entries()).missing(lambda age: age < OUTAGE),
    }


EXPECTED = {
    "healthy": (0, set()),
    "failing": (2, {"http_error_rate"}),
    "the first failures": (2, {"http_error_rate"}),
    "slow": (2, {"latency"}),
    "down": (2, {"targets_up"}),
    "gone": (2, {"targets_up"}),
}


@pytest.fixture(scope="module", params=CONVENTIONS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Convention, str, Mapping[str, float]]]:
    convention = CONVENTIONS[request.param]
    made = states(convention)
    ends = {name: END + APART * number for number, name in enumerate(made)}
    text = openmetrics(*(made[name](end) for name, end in ends.items()))
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("served")
        server = stack.enter_context(servers.prometheus(text, directory))
        yield convention, server.url, ends


def begin(url: str, *arguments: str) -> int:
    return cli.main(["init", "--prometheus-url", url, f"--gate-at={END}", *arguments])


def judged(run_gate: Gate, *arguments: str) -> tuple[int, dict[str, Any]]:
    ran = run_gate("--gate-json=report.json", *arguments)
    report = json.loads(Path("report.json").read_text())
    return int(ran.ret), {one["id"]: one for one in report["checks"]}


def test_what_is_written_judges_the_service(
    served: tuple[Convention, str, Mapping[str, float]],
    pytester: pytest.Pytester,
    run_gate: Gate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    convention, url, ends = served
    assert begin(url) == 0, capsys.readouterr()
    # In a process of its own: pytest keeps the modules of the checks.
    doctor = pytester.run(sys.executable, "-c", MAIN, "doctor", "--strict", f"--gate-at={END}")
    assert doctor.ret == 0, doctor.outlines
    for name, (code, failing) in EXPECTED.items():
        ended, checks = judged(run_gate, f"--gate-at={ends[name]}")
        latency = "http_p95_latency" if convention.buckets else "http_mean_latency"
        assert set(checks) == {"targets_up", "http_error_rate", latency}
        bad = {id_ for id_, one in checks.items() if one["reason"] == "breach"}
        wanted = {latency if id_ == "latency" else id_ for id_ in failing}
        assert (ended, bad) == (code, wanted), (name, checks)


def several(end: float, *, disk_free: float = 0.4) -> Production:
    """Services in two conventions, and machines."""
    python, java = CONVENTIONS["python"], CONVENTIONS["micrometer"]
    state = service(end, python.entries(), job="cart")
    for job, entries in (
        ("search", python.entries()),
        ("billing", java.entries()),
        ("node", machine(disk_free=disk_free)),
    ):
        state = replace(state, series=(*state.series, *service(end, entries, job=job).series))
    return state


SEVERAL: dict[str, tuple[Callable[[float], Production], int, dict[str, str]]] = {
    "healthy": (several, 0, {}),
    "one of them lost the metric": (
        lambda end: several(end).without("http_requests_total", job="search"),
        1,
        {"http_error_rate": "no-data"},
    ),
    "one of them has no requests": (
        lambda end: several(end).with_values("http_requests_total", 7000, job="search"),
        1,
        {"http_error_rate": "no-data"},
    ),
    "one of them is gone": (
        lambda end: several(end).without(job="billing"),
        2,
        {
            "targets_up": "breach",
            "billing_error_rate": "no-data",
            "billing_p95_latency": "no-data",
        },
    ),
    "a disk is full": (lambda end: several(end, disk_free=0.01), 2, {"machine_disk": "breach"}),
    "machines are busy": (
        lambda end: several(end).with_values("node_cpu_seconds_total", Counter(0.01), mode="idle"),
        1,
        {"machine_cpu": "breach"},
    ),
}


def test_several_services_and_machines_are_judged_together(
    pytester: pytest.Pytester, run_gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {name: END + APART * number for number, name in enumerate(SEVERAL)}
    text = openmetrics(*(SEVERAL[name][0](end) for name, end in ends.items()))
    with servers.prometheus(text, pytester.mkdir("server")) as server:
        assert begin(server.url) == 0, capsys.readouterr()
        strict = pytester.run(sys.executable, "-c", MAIN, "doctor", "--strict", f"--gate-at={END}")
        assert strict.ret == 0, strict.outlines
        for name, (_, code, wrong) in SEVERAL.items():
            ended, checks = judged(run_gate, f"--gate-at={ends[name]}")
            found = {id_: one["reason"] for id_, one in checks.items() if one["reason"] != "ok"}
            assert (ended, found) == (code, wrong), (name, checks)
    assert set(checks) == {
        *("targets_up", "machine_cpu", "machine_memory", "machine_disk"),
        *("http_error_rate", "http_p95_latency", "billing_error_rate", "billing_p95_latency"),
    }


def written() -> dict[str, str]:
    """The texts of the files that the command has written into the working directory."""
    found = (SETTINGS, *map(str, Path().glob("gate_checks*")), *map(str, Path().glob("*/*.py")))
    return {name: Path(name).read_text() for name in found if Path(name).is_file()}


SERVICES, MACHINES, SETTINGS = (
    *("gate_checks/test_service_health.py", "gate_checks/test_machine_health.py"),
    "deploygate.toml",
)


def serve(state: Production, directory: Path) -> AbstractContextManager[servers.Server]:
    directory /= "server"
    directory.mkdir()
    return servers.prometheus(openmetrics(state), directory)


def test_a_server_without_known_metrics_gets_a_start(
    tmp_path: Path,
    pytester: pytest.Pytester,
    run_gate: Gate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = Production(END, 15, 3600, 3600, 2).with_series("up", {"job": "mail"}, 1)
    for name in ("mail_queue_length", "mail_sent_total"):
        state = state.with_series(name, {"job": "mail"}, Counter(1))
    with serve(state, tmp_path) as server:
        assert begin(server.url) == 0
        out = capsys.readouterr().out
        code, checks = judged(run_gate, f"--gate-at={END}")
    assert (code, list(checks)) == (0, ["targets_up"])
    assert "  3 metrics: mail_queue_length, mail_sent_total, up\n" in out
    files = written()
    assert set(files) == {SERVICES, SETTINGS}
    assert "orders_failed" in files[SERVICES]


def test_a_server_that_does_not_answer_leaves_nothing(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert begin(f"http://127.0.0.1:{servers.free_port()}") == 4
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("deploygate init: unable to query Prometheus at http://127.0.0.1:")
    assert not written()


def test_the_selection_of_one_service_is_written_and_judged(
    tmp_path: Path,
    pytester: pytest.Pytester,
    run_gate: Gate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve(several(END), tmp_path) as server:
        assert begin(server.url, '--gate-select=job="billing"') == 0
        code, checks = judged(run_gate, f"--gate-at={END}")
        for name in written():
            Path(name).unlink()
        Path("gate_checks").rmdir()
        capsys.readouterr()
        assert begin(server.url, '--gate-select=job="bill"') == 4
    assert (code, set(checks)) == (0, {"targets_up", "http_error_rate", "http_p95_latency"})
    assert capsys.readouterr().err == "deploygate init: --gate-select: no series has job=bill\n"
    assert not written()


def test_metrics_that_are_pushed_need_neither_targets_nor_a_job(
    tmp_path: Path, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    state = service(END, CONVENTIONS["opentelemetry"].entries()).without("up")
    text = openmetrics(state).replace('job="shop"', 'service_name="shop"')
    with servers.prometheus(text, tmp_path) as server:
        assert begin(server.url) == 0
        code, checks = judged(run_gate, f"--gate-at={END}")
    assert (code, set(checks)) == (0, {"http_error_rate", "http_p95_latency"})
    assert checks["http_error_rate"]["labels"] == {"service_name": "shop"}


@pytest.mark.parametrize(
    "job",
    ['ns/"quoted"/$1', "a'b\"c\\", "{job}", "ümläut\u202e", '"""', "two\nlines"],
)
def test_a_job_may_have_any_name(
    tmp_path: Path, pytester: pytest.Pytester, run_gate: Gate, job: str
) -> None:
    state = service(END, CONVENTIONS["go"].entries(), job=job)
    state = replace(
        state, series=(*state.series, *service(END, CONVENTIONS["go"].entries()).series)
    )
    with serve(state, tmp_path) as server:
        assert begin(server.url) == 0
        code, checks = judged(run_gate, f"--gate-at={END}")
        assert code == 0, checks
        assert begin_again(server.url, f"--gate-select=job={json.dumps(job)}") == 0
        code, checks = judged(run_gate, f"--gate-at={END}")
    assert (code, set(checks)) == (0, {"targets_up", "http_error_rate", "http_p95_latency"})


def begin_again(url: str, *arguments: str) -> int:
    shutil.rmtree("gate_checks")
    Path(SETTINGS).unlink()
    return begin(url, *arguments)


def test_the_windows_hold_four_scrapes(
    tmp_path: Path, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    convention = CONVENTIONS["python"]
    state = replace(service(END, convention.entries(failing=0.05)), interval=300.0)
    with serve(state, tmp_path) as server:
        assert begin(server.url) == 0
        code, checks = judged(run_gate, f"--gate-at={END}")
    assert "[20m]) / 1200" in written()[SERVICES]
    assert (code, checks["http_error_rate"]["reason"]) == (2, "breach")


def test_a_password_is_not_written(
    tmp_path: Path,
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve(several(END), tmp_path) as server:
        for number, url in enumerate(
            [server.url.replace("//", "//me:hidden@"), f"{server.url}/?token=hidden"]
        ):
            assert begin(url, f"--directory={pytester.mkdir(f'p{number}')}") == 0
            texts = "".join(one.read_text() for one in Path(f"p{number}").rglob("*.*"))
            out = "".join(capsys.readouterr())
            assert "hidden" not in texts + out
            assert "# prometheus-url = " in texts
            assert "export PROMETHEUS_URL=..." in out
