"""``deploygate doctor`` on real servers: what is there, what is not, and what to do about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate import cli
from tests import servers
from tests.conftest import END
from tests.faults import Exchange, Fault, faulty
from tests.production import Counter, Production, openmetrics, production
from tests.real.test_access import BCRYPT, PASSWORD, USER

APART = 2 * 86_400.0
MAIN = "import sys; from pytest_deploygate.cli import main; sys.exit(main())"
STATES: dict[str, Callable[[Production], Production]] = {
    "renamed": lambda p: p.without("rl_loss").with_series("rl_losses", {"x": "y"}, 1),
    "no mode": lambda p: p.without("cache_hit_rate", mode="fast"),
    "stale": lambda p: p.missing(lambda age: age < 7000, "rl_reward_ma"),
    "counter renamed": lambda p: p.with_series("llm_schema_fixes_total", {"a": "b"}, Counter(1)),
    "no GPU": lambda p: p.without("nvidia_gpu_memory_free_bytes").without("DCGM_FI_DEV_FB_FREE"),
    "renamed lately": lambda p: (
        p.missing(lambda age: age < 3607, "rl_loss")
        .with_series("rl_training_loss", {"algorithm": "x", "loss_type": "y"}, 1)
        .missing(lambda age: age > 3600, "rl_training_loss")
        .with_series("rl_loss_other_labels", {"z": "y"}, 1)
        .missing(lambda age: age > 3600, "rl_loss_other_labels")
    ),
    "gone with its targets": lambda p: p.missing(
        lambda age: age < 1800, "cache_hit_rate"
    ).with_values("up", 0, job="app"),
    "down": lambda p: p.with_values("up", 0, job="gpu").without("up", job="app"),
}


@dataclass(frozen=True)
class Examined:
    """What the command printed, and its exit code."""

    code: int
    text: str

    def part(self, title: str) -> list[str]:
        """The lines below a title."""
        found = re.search(rf"^{title}\n((?:  .*\n)*)", self.text, re.MULTILINE)
        return found[1].splitlines() if found else []

    def about(self, check: str) -> list[str]:
        """The lines of one check, the first with its word in front."""
        found = re.search(rf"^  \S.* {check}: .*\n(?: {{11,}}.*\n)*", self.text, re.MULTILINE)
        return found[0].splitlines() if found else []


Doctor = Callable[..., Examined]


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Run the command in a directory without checks of its own."""
    (tmp_path / "here").mkdir()

    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments: str) -> Examined:
        code = cli.main(["doctor", *arguments])
        return Examined(code, "".join(capsys.readouterr()))

    return run


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, ...]]]:
    """The arguments that examine each of the states, all in one server."""
    ends = {name: END + number * APART for number, name in enumerate(STATES)}
    made = [STATES[name](production(end)) for name, end in ends.items()]
    with servers.prometheus(openmetrics(*made), tmp_path_factory.mktemp("ill")) as server:
        yield {n: ("--prometheus-url", server.url, "--gate-at", str(e)) for n, e in ends.items()}


def at_end(url: str) -> tuple[str, ...]:
    return ("--prometheus-url", url, "--gate-at", str(END))


def test_a_healthy_production_has_everything(doctor: Doctor, healthy: servers.Server) -> None:
    given = at_end(healthy.url)
    found = doctor(*given)
    assert found.code == 0
    assert found.part("Server") == [
        f"  url      {healthy.url}",
        "  healthy  yes",
        found.part("Server")[2],
        "  clock    same as here",
        "  targets  8, all up",
    ]
    assert re.fullmatch(r"  kind     Prometheus \d+\.\d+\.\S+", found.part("Server")[2])
    assert found.text.count("\n  data ") == 14
    assert "\nNothing is missing.\n" in found.text
    command = " ".join(["pytest", "-p", "deploygate", *given, "--pyargs", "gate_checks"])
    assert found.part("What to do next") == [f"  ask for the verdict  {command}"]


def test_a_metric_is_shown_with_its_series_and_age(doctor: Doctor, healthy: servers.Server) -> None:
    lines = doctor(*at_end(healthy.url)).about("api_error_rate")
    assert lines[0].startswith("  data     api_error_rate: error rate 0 %")
    assert re.fullmatch(r" +http_requests_total +2 series, newest sample 0s old", lines[1])


def test_a_counter_that_never_counted_is_no_problem(
    doctor: Doctor, healthy: servers.Server
) -> None:
    lines = doctor(*at_end(healthy.url)).about("schema_failure_rate")
    assert lines[0].startswith("  data ")
    assert lines[1].endswith("missing, also during the last 1d; the query works without it")


PROBLEMS = {
    "renamed": ("rl_loss_runaway: rl_loss does not exist, did you mean rl_losses?", "_targets"),
    "no mode": (
        "fast_cache_hit_rate: cache_hit_rate has no mode=fast, only balanced, creative",
        "what does the query return?",
    ),
    "stale": (
        "rl_reward_trend: the newest sample of rl_reward_ma is 1h5",
        "is the service still scraped?",
    ),
    "counter renamed": (
        "schema_failure_rate: llm_schema_fix_count_total does not exist, but "
        "llm_schema_fixes_total does: if the name is wrong, it counts nothing",
        "does the server have the metric?",
    ),
}


@pytest.mark.parametrize("state", PROBLEMS)
def test_what_is_missing_is_one_line_and_one_step(
    doctor: Doctor, ill: dict[str, tuple[str, ...]], state: str
) -> None:
    found = doctor(*ill[state])
    problem, step = PROBLEMS[state]
    assert found.code == 2
    [line] = found.part("1 problem")
    assert line.startswith(f"  {problem}")
    check = problem.partition(":")[0]
    assert found.about(check)[0].startswith("  PROBLEM  ")
    steps = "\n".join(found.part("What to do next"))
    assert step in steps.replace("/targets", "_targets")
    assert f'deploygate.toml: [criteria."{check}"] query = "..."' in steps


def test_what_is_gone_is_told_with_its_new_name_and_its_targets(
    doctor: Doctor, ill: dict[str, tuple[str, ...]]
) -> None:
    problems = "\n".join(doctor(*ill["renamed lately"]).part("1 problem"))
    assert re.search(
        r"rl_loss_runaway: the newest sample of rl_loss is 1h(15s)? old; rl_training_loss has the "
        r"same labels and appeared then: it is probably the new name; 2 of 2 targets of job=app "
        r"are up",
        problems,
    ), problems
    problems = "\n".join(doctor(*ill["gone with its targets"]).part("1 problem"))
    assert problems.endswith("cache_hit_rate is 30m old; 0 of 2 targets of job=app are up")


def test_the_first_step_can_be_pasted(doctor: Doctor, ill: dict[str, tuple[str, ...]]) -> None:
    steps = doctor(*ill["renamed"]).part("What to do next")
    assert steps[0].endswith(f"  curl '{ill['renamed'][1]}/api/v1/query?query=rl_loss'")


def test_an_optional_check_without_data_is_no_problem(
    doctor: Doctor, ill: dict[str, tuple[str, ...]]
) -> None:
    found = doctor(*ill["no GPU"])
    assert found.code == 0
    assert "\nNothing is missing, except what may be absent: vram_headroom.\n" in found.text
    assert found.about("vram_headroom")[0].endswith("matches nothing; this is allowed")


def test_targets_that_are_down_are_named(doctor: Doctor, ill: dict[str, tuple[str, ...]]) -> None:
    line = doctor(*ill["down"]).part("Server")[-1]
    assert re.fullmatch(r"  targets  6, 2 down: instance=\S+, job=gpu; instance.*", line)


def test_a_server_that_is_down_gets_the_documents_advice(doctor: Doctor) -> None:
    url = f"http://127.0.0.1:{servers.free_port()}/base"
    found = doctor("--prometheus-url", url.replace("://", "://me:hush-hush@"))
    assert found.code == 2
    assert found.part("1 problem")[0].startswith(f"  unable to query Prometheus at {url}: Connec")
    steps = found.part("What to do next")
    assert steps[0].endswith(f"  curl {url}/-/healthy")
    assert steps[1].endswith(f"  curl '{url}/api/v1/query?query=up'")
    assert steps[2].endswith("  deploygate doctor --prometheus-url http://HOST:9090")
    assert "hush-hush" not in found.text
    assert "Checks" not in found.text


def test_an_empty_server_behind_a_password(doctor: Doctor, tmp_path: Path) -> None:
    web, config = tmp_path / "web.yml", tmp_path / "http.yml"
    web.write_text(f"basic_auth_users: {{{USER}: {BCRYPT!r}}}")
    config.write_text(f"basic_auth: {{username: {USER}, password: '{PASSWORD}'}}")
    with servers.prometheus("# EOF\n", tmp_path, web_config=web) as server:
        refused = doctor("--prometheus-url", server.url)
        given = ("--prometheus-url", server.url, "--prometheus-config", str(config))
        found = doctor(*given)
    assert refused.code == found.code == 2
    assert "answers 401: it requires credentials" in refused.part("1 problem")[0]
    assert found.part("Server")[-1].startswith("  targets  none: it scrapes nothing")
    problems = found.part(r"\d+ problems")
    assert "  rl_loss_runaway: rl_loss does not exist" in problems
    assert PASSWORD not in found.text


def test_victoria_metrics_is_known(doctor: Doctor, tmp_path: Path) -> None:
    with servers.victoria_metrics(openmetrics(production(END)), tmp_path) as server:
        found = doctor(*at_end(server.url))
    assert found.code == 0
    assert found.part("Server")[2].startswith("  kind     VictoriaMetrics")


MIMIR = {"status": "success", "data": {"application": "Grafana Mimir", "version": "2.14.0"}}
STORES = {"status": "success", "data": {"store": []}}


@pytest.mark.parametrize(
    ("pages", "line"),
    [
        ({"buildinfo": MIMIR}, "  kind     Grafana Mimir 2.14.0"),
        ({"stores": STORES}, r"  kind     Thanos \S+"),
        ({"buildinfo": []}, "  kind     unknown, with the API of Prometheus"),
        ({"healthy": {}}, "  healthy  it answers queries, but /-/healthy answers 503"),
    ],
    ids=["Mimir", "Thanos", "another", "unwell"],
)
def test_other_servers_are_recognised(
    doctor: Doctor, healthy: servers.Server, pages: dict[str, Any], line: str
) -> None:
    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        page = exchange.request.path.rpartition("/")[2]
        if page in pages:
            status = 503 if page == "healthy" else 200
            exchange.send(status, json.dumps(pages[page]).encode())
        else:
            exchange.pass_on()

    with faulty(healthy.url, Fault(inject)) as proxy:
        found = doctor(*at_end(proxy.url))
    assert any(re.fullmatch(line, one) for one in found.part("Server"))
    assert found.code == 0


OWN = """
from pytest_deploygate import Criterion, gate_criteria
@gate_criteria([
    Criterion(id="evil", query='{__name__="a\\\\n\\\\x1b[31m::error::$(x)"} > 1', below=1),
    Criterion(id="broken", query="rate(up", below=1),
    Criterion(id="odd", query="up default 0", below=2),
    Criterion(id="fine", query="up", below=2),
])
def test_own(criterion, gate):
    gate.check(criterion)
"""


INLINE = """
import pytest
PREFIX = "ra"
QUERY = "cache_hit_rate"

@pytest.mark.parametrize("mode", ["fast", "slow"])
@pytest.mark.warning
def test_hit_rate(gate, mode):
    gate.check(f'{QUERY}{{mode="{mode}"}}', at_least=0.1)

@pytest.mark.critical
def test_two(gate):
    expr = PREFIX + "te(nowhere_total[5m])"
    for one in gate.query("up"):
        assert one.value == 1
    gate.check(expr, below=1)

@pytest.mark.critical
def test_computed(gate):
    gate.check(str(["up"][0]), below=2)
"""


def test_checks_without_a_criterion_are_examined(doctor: Doctor, healthy: servers.Server) -> None:
    Path("gate_checks").mkdir()
    Path("gate_checks/test_inline.py").write_text(INLINE)
    found = doctor(*at_end(healthy.url))
    assert found.code == 2
    assert found.about(r"hit_rate\[fast\]")[0].startswith("  data     hit_rate[fast]: ")
    assert found.about("two")[0] == "  data     two: 8 series"
    assert found.part("Checks")[-1] == ("  unread   computed: only its run knows all that it asks")
    assert found.part("2 problems") == [
        "  hit_rate[slow]: cache_hit_rate has no mode=slow, only balanced, creative, fast",
        "  two-2: nowhere_total does not exist",
    ]


LABELS = """
from pytest_deploygate import Criterion, gate_criteria
QUERY = 'sum(rate(http_requests_total{%s}[5m])) or vector(0)'
@gate_criteria([
    Criterion(id=name, query=QUERY % matcher, below=1e9)
    for name, matcher in [
        ("typo", 'stauts=~"5.."'), ("value", 'status="599"'), ("absent", 'stauts=""'),
        ("other", 'zone="a"'), ("present", 'status!=""'),
    ]
])
def test_own(criterion, gate):
    gate.check(criterion)
"""


def test_a_label_that_looks_misspelt_is_a_problem(doctor: Doctor, healthy: servers.Server) -> None:
    Path("gate_checks").mkdir()
    Path("gate_checks/test_labels_of_doctor.py").write_text(LABELS)
    found = doctor(*at_end(healthy.url))
    assert found.code == 2
    assert found.part("1 problem") == [
        "  typo: http_requests_total has no label stauts, but status: if the name is wrong, it "
        "selects nothing"
    ]


def test_a_selection_that_selects_nothing_is_a_problem(
    doctor: Doctor, healthy: servers.Server
) -> None:
    found = doctor(*at_end(healthy.url), "--gate-select", 'job=~"ap"')
    problems = found.part(r"\d+ problems")
    assert problems[0] == "  no series has job=~ap: check --gate-select"


def test_the_doctor_looks_where_the_gate_looks(doctor: Doctor, healthy: servers.Server) -> None:
    found = doctor(*at_end(healthy.url), "--gate-select", 'instance=~"app-1:.*"')
    metric = found.about("fast_cache_hit_rate")[1]
    assert re.search(r"cache_hit_rate +3 series, newest sample 0s old", metric)


@pytest.fixture
def in_project(tmp_path: Path) -> Doctor:
    """Run the command as a user does, in a project with checks of its own."""
    (tmp_path / "gate_checks").mkdir()
    (tmp_path / "gate_checks" / "test_own.py").write_text(OWN)

    def run(*arguments: str) -> Examined:
        command = [sys.executable, "-c", MAIN, "doctor", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        return Examined(done.returncode, done.stdout + done.stderr)

    return run


def test_the_checks_of_the_project_are_examined(
    in_project: Doctor, healthy: servers.Server
) -> None:
    found = in_project("--gate-advisory", *at_end(healthy.url))
    assert len(found.part("Checks")) == 4 + 4
    assert found.about("fine")[1].endswith("8 series, newest sample 0s old")


def test_hostile_names_and_queries_are_shown_harmless(
    in_project: Doctor, healthy: servers.Server
) -> None:
    found = in_project(*at_end(healthy.url))
    assert "\x1b" not in found.text
    assert not any(line.lstrip().startswith("::") for line in found.text.splitlines())
    assert len(found.part("3 problems")) == 3
    assert found.about("broken")[1].strip().startswith("its metrics are unknown")
    assert any("%0A%1B%5B31m%3A%3Aerror%3A%3A%24%28x%29" in step for step in found.text.split())


def test_arguments_reach_pytest_in_their_order(doctor: Doctor, healthy: servers.Server) -> None:
    given = ("--gate-set", "fast_p95_max=1", *at_end(healthy.url), "--pyargs", "gate_checks")
    lines = doctor(*given).about("fast_p95_latency")
    assert "limit 1.00 s" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gate-demo", "go"), "a recording has no server to examine"),
        (("--gate-sett", "x"), "unrecognized arguments: --gate-sett"),
        (("--prometheus-config", "no.yml"), "no.yml: No such file or directory"),
        (("missing",), "file or directory not found: missing"),
    ],
)
def test_what_cannot_be_examined_is_refused_in_one_line(
    doctor: Doctor, arguments: tuple[str, ...], message: str
) -> None:
    found = doctor(*arguments)
    assert found.code == 2
    assert found.text.count("\n") == 1
    assert message in found.text
