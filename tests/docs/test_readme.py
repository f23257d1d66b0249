"""The examples in the documentation run as they are pasted."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.proxy import proxy
from pytest_deploygate.actions.registry import known_kinds, schema
from pytest_deploygate.config.file import load
from tests.conftest import END, Gate
from tests.production import Counter, openmetrics, production
from tests.servers import Server, prometheus

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, containing: str = "") -> list[str]:
    """The blocks of code in the README; without any, a test would check nothing and pass."""
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    found = [block for block in found if containing in block]
    assert found, f"the README has no block of {language} with {containing!r}"
    return found


def commands(start: str) -> list[str]:
    lines = [line for block in blocks("bash", start) for line in block.splitlines()]
    return [line.partition("  #")[0] for line in lines if line.startswith(start)]


SERVICES = [("checkout", "200", 99.8), ("checkout", "500", 0.2), ("search", "200", 40.0)]
CHECKS = blocks("python", "def test_")


@pytest.mark.parametrize("source", CHECKS, ids=range(len(CHECKS)))
def test_every_example_of_a_check_is_collected(
    pytester: pytest.Pytester, run_gate: Gate, source: str
) -> None:
    header = "import pytest\nimport requests\n" + source
    pytester.path.joinpath("test_example.py").write_text(header, encoding="utf-8")
    result = run_gate("--gate-demo=go", "--collect-only", "-q", ".")
    result.stdout.fnmatch_lines(["test_example.py::test_*"])
    assert "could not be collected" not in result.stdout.str()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Server]:
    """A Prometheus with two of the three services, of which one has errors."""
    state = replace(production(END), series=())
    for service, status, rate in SERVICES:
        labels = {"service": service, "status": status}
        state = state.with_series("http_requests_total", labels, Counter(rate))
    with prometheus(openmetrics(state), tmp_path) as server:
        yield server


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "loadfile")], ids=["plain", "xdist"])
def test_the_fleet_runs_as_pasted(
    pytester: pytest.Pytester, run_gate: Gate, services: Server, workers: tuple[str, ...]
) -> None:
    [source] = blocks("python", "SERVICES = ")
    pytester.path.joinpath("test_fleet.py").write_text(source, encoding="utf-8")
    with proxy(services.url, 0) as counting:
        where = (f"--prometheus-url={counting.url}", f"--gate-at={END}", "--gate-json=gate.json")
        assert run_gate(*where, *workers).ret == 1
        assert counting.queries == 1
    checks = json.loads(pytester.path.joinpath("gate.json").read_text(encoding="utf-8"))["checks"]
    assert {
        check["id"]: (check["status"], check["reason"], check["value"]) for check in checks
    } == {
        "error_rate[checkout]": ("GO", "ok", pytest.approx(0.002)),
        "error_rate[search]": ("GO", "ok", 0),
        "error_rate[login]": ("WARNING", "no-data", None),
    }


@pytest.mark.parametrize("command", commands("pytest -p deploygate"))
def test_the_gate_accepts_every_command(
    pytester: pytest.Pytester,
    run_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    healthy: Server,
    command: str,
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", healthy.url)
    options = shlex.split(command)[3:]
    if "--gate-replay" in options:
        recorded = ("--pyargs", "gate_checks", "--gate-record=evidence.json", f"--gate-at={END}")
        assert run_gate(*recorded).ret == 0
    known = [o for o in options if "example.com" not in o and o != "--prometheus-url"]
    if {"--gate-watch", "--gate-wait"} & set(known):  # in the past nothing is waited for
        known += ["--pyargs", "gate_checks", f"--gate-at={END - 3600}"]
    assert run_gate(*known, "--gate-timeout=5s").ret in (0, 1, 2)


def test_every_configuration_is_valid(tmp_path: Path) -> None:
    actions = (ROOT / "docs" / "how-to" / "actions.md").read_text(encoding="utf-8")
    for text in [*blocks("toml"), *re.findall(r"(?ms)^```toml\n(.*?)^```", actions)]:
        file = tmp_path / "deploygate.toml"
        file.write_text(text, encoding="utf-8")
        environments = re.findall(r"^\[env\.(\w+)\]", text, re.MULTILINE)
        for environment in [None, *environments]:
            load(tmp_path / "deploygate.toml", environment, actions=lambda: schema(known_kinds()))


def test_every_linked_file_exists() -> None:
    links = [
        (document, target)
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", document.read_text("utf-8"))
    ]
    assert len(links) > 5
    assert [one for one in links if not (one[0].parent / one[1]).exists()] == []
