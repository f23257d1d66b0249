"""A new version beside the old one in a real Prometheus: what is said, plain and with workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pytest_deploygate import Compare, Criterion, Kind, Times
from pytest_deploygate.engine.judgements import STATUSES
from pytest_deploygate.engine.judging_many import judge_many
from pytest_deploygate.engine.run import GateRun
from tests import servers
from tests.conftest import END, Gate
from tests.extras import needs
from tests.real.asking import gate_run, instant
from tests.real.backtests import backtest

needs("scipy")

INTERVAL = 15
SCRAPES = 2 * 3600 // INTERVAL
SINCE_DEPLOYED = 15 * 60 // INTERVAL
DEPLOYED = END - INTERVAL * SINCE_DEPLOYED

CHECKS = """
from pytest_deploygate import Compare, Criterion, gate_criteria

CANARY = Compare(new='version="$version"', old='version!="$version"', window="60m")
BY = "sum by (region) (increase(requests_total{$side%s}[$window]))"

CRITERIA = [
    Criterion(id="errors", at_most=1.25, quantity="error share",
              kind=CANARY.shares(total="sum(increase(requests_total{$side}[$window]))"),
              query='sum(increase(requests_total{$side,code=~"5.."}[$window]))'),
    Criterion(id="by_region", at_most=1.25, kind=CANARY.shares(total=BY % ""),
              query=BY % ',code=~"5.."'),
    Criterion(id="memory", at_most=1.10, kind=CANARY, unit="bytes", quantity="memory",
              query="avg(memory_bytes{$side})"),
    Criterion(id="yesterday", at_most=1.5, kind=Compare(before="1h", window="30m"),
              query="sum(memory_bytes)"),
]

@gate_criteria(CRITERIA)
def test_canary(criterion, gate):
    gate.check(criterion)
"""


def counters(
    random: np.random.Generator,
    labels: str,
    per_scrape: float,
    share: float,
    *,
    name: str = "requests_total",
    scrapes: int = SCRAPES,
) -> str:
    """Good and bad requests of one instance until now, as OpenMetrics."""
    total = random.poisson(per_scrape, scrapes)
    bad = random.binomial(total, share)
    lines = []
    for code, counts in (("200", total - bad), ("500", bad)):
        at = END - INTERVAL * (scrapes - 1) - 4.321
        for value in np.cumsum(counts):
            lines.append(f'{name}{{code="{code}",{labels}}} {value} {at:.3f}\n')
            at += INTERVAL
    return "".join(lines)


def samples() -> str:
    """Version 3 fails three times as often as 2, in one region; 2b is as good as 2."""
    random = np.random.default_rng(5)
    text = "# TYPE requests counter\n"
    for version, eu, us in (("2", 0.01, 0.01), ("2b", 0.01, 0.01), ("3", 0.01, 0.05)):
        for region, share in (("eu", eu), ("us", us)):
            text += counters(random, f'version="{version}",region="{region}"', 100.0, share)
    text += "# TYPE calls counter\n"
    for version, calls, share in (("good", 90.0, 0.02), ("bad", 90.0, 0.1), ("few", 1.0, 0.0)):
        text += counters(
            random, f'version="{version}"', calls, share, name="calls_total", scrapes=SINCE_DEPLOYED
        )
    text += counters(random, 'version="old"', 90.0, 0.02, name="calls_total")
    text += appearing()
    text += "# TYPE memory_bytes gauge\n"
    for version, size in (("2", 4e8), ("2b", 4e8), ("3", 6e8)):
        at = END - INTERVAL * (SCRAPES - 1) - 4.321
        for value in size * np.exp(0.03 * random.standard_normal(SCRAPES)):
            text += f'memory_bytes{{version="{version}"}} {value:.0f} {at:.3f}\n'
            at += INTERVAL
    return text + "# EOF\n"


def appearing() -> str:
    """Errors that have a series of their own, which begins with them: of each page one in 40s."""
    text = "# TYPE pages counter\n"
    for version, share, errors in (("old", 0.01, 0), ("new", 0.0, 90)):
        text += counters(
            np.random.default_rng(6), f'version="{version}"', 100.0, share, name="pages_total"
        )
        for page in range(errors // 2):
            first = SCRAPES - (errors - 2 * page)
            for scrape in range(first, SCRAPES):
                at = END - INTERVAL * (SCRAPES - 1 - scrape) - 4.321
                text += f'pages_total{{code="500",version="{version}",page="{page}"}} 5 {at:.3f}\n'
    return text


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.prometheus(samples(), tmp_path_factory.mktemp("canary")) as server:
        yield server


def checks_of(path: Path) -> dict[str, Any]:
    return {check["id"]: check for check in json.loads(path.read_text())["checks"]}


@pytest.fixture
def compare(pytester: pytest.Pytester, run_gate: Gate, canary: servers.Server) -> Gate:
    """A gate that compares two versions of this production."""
    (pytester.path / "test_canary.py").write_text(CHECKS)

    def run(*arguments: str | Path) -> pytest.RunResult:
        replays = any(str(one).startswith("--gate-replay") for one in arguments)
        where = () if replays else (f"--prometheus-url={canary.url}", f"--gate-at={END}")
        return run_gate("test_canary.py", *where, "--gate-json=gate.json", *arguments)

    return run


def test_a_worse_version_is_found_and_named(
    pytester: pytest.Pytester, compare: Gate, workers: tuple[str, ...]
) -> None:
    deployed = f"--gate-deployed-at={END - 1200}"
    given = ("--gate-var=version=3", "--gate-record=evidence.json", "--gate-html=gate.html")
    result = compare(*workers, *given, deployed)
    assert result.ret == 2
    found = checks_of(pytester.path / "gate.json")
    assert {id_: (one["status"], one["reason"]) for id_, one in found.items()} == {
        "errors": ("NO_GO", "breach"),
        "by_region": ("NO_GO", "breach"),
        "memory": ("NO_GO", "breach"),
        "yesterday": ("GO", "ok"),
    }
    errors, region, memory = found["errors"], found["by_region"], found["memory"]
    assert errors["value"] == pytest.approx(3, rel=0.1)
    assert errors["sides"]["new"] == pytest.approx(0.03, rel=0.1)
    assert errors["sides"]["unit"] == "ratio"
    assert errors["sides"]["lower"] > 1.25
    assert "$" not in errors["query"]
    assert (region["labels"], region["failing"], region["total"]) == ({"region": "us"}, 1, 2)
    assert memory["value"] == pytest.approx(1.5, rel=0.05)
    replayed = compare(*workers, given[0], deployed, "--gate-replay=evidence.json")
    assert replayed.ret == 2
    again = checks_of(pytester.path / "gate.json")
    for id_, check in found.items():
        assert again[id_]["message"] == check["message"]


def test_an_equal_version_passes(
    pytester: pytest.Pytester, compare: Gate, workers: tuple[str, ...]
) -> None:
    # Both others are the old side of neither.
    text = CHECKS.replace('version!="$version"', 'version="2"')
    (pytester.path / "test_canary.py").write_text(text)
    result = compare(*workers, "--gate-var=version=2b")
    found = checks_of(pytester.path / "gate.json")
    assert {one["reason"] for one in found.values()} == {"ok"}, found
    assert result.ret == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", "new (version=9) matches nothing; there is version=2; version=2b; version=3"),
        ("old='version!=\"$version\"'", "old='version=~\".+\"'", "overlap"),
        ("{$side", "{", "has no $side"),
        ("[$window]", "[5m]", "has no $window"),
        ("at_most=1.25", "equals=1.25", "not equals"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    pytester: pytest.Pytester, compare: Gate, old: str, new: str, said: str
) -> None:
    (pytester.path / "test_canary.py").write_text(CHECKS.replace(old, new))
    result = compare("--gate-var=version=9")
    assert result.ret in (1, 2, 4)
    out = result.stdout.str() + result.stderr.str()
    assert any(said in line for line in out.splitlines()), out
    assert "Traceback" not in out


def test_a_comparison_that_was_not_collected_is_refused(
    pytester: pytest.Pytester, compare: Gate
) -> None:
    check = CHECKS.partition("@gate_criteria")[0] + "def test_it(gate): gate.check(CRITERIA[0])\n"
    (pytester.path / "test_canary.py").write_text(check)
    result = compare("--gate-var=version=3")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*a comparison must be known before the run*"])


def test_a_watch_compares_in_every_round_and_is_replayed(
    pytester: pytest.Pytester, compare: Gate, run_gate: Gate, canary: servers.Server
) -> None:
    given = ("test_canary.py", "--gate-var=version=3", "--gate-json=gate.json")
    where = (f"--prometheus-url={canary.url}", f"--gate-at={END - 300}")
    rounds = ("--gate-watch=3m", "--gate-interval=60s", "--gate-failures=9")
    assert run_gate(*given, *where, *rounds, "--gate-record=evidence.json").ret == 2
    found = checks_of(pytester.path / "gate.json")
    assert found["errors"]["rounds"]["NO_GO"] >= 4
    assert found["yesterday"]["rounds"]["GO"] >= 4
    assert run_gate(*given, "--gate-replay=evidence.json").ret == 2
    again = checks_of(pytester.path / "gate.json")
    assert {id_: one["message"] for id_, one in again.items()} == {
        id_: one["message"] for id_, one in found.items()
    }


ALONE = """
from pytest_deploygate import Compare, Criterion, gate_criteria

CANARY = Compare(new='version="$version"', old='version="old"', window="30m")

@gate_criteria([
    Criterion(id="errors", at_most=1.25,
              kind=CANARY.shares(total="sum(increase(calls_total{$side}[$window]))"),
              query='sum(increase(calls_total{$side,code=~"5.."}[$window]))'),
])
def test_canary(criterion, gate):
    gate.check(criterion)
"""
WATCH = ("--gate-watch=14m", "--gate-interval=1m")
WAIT = ("--gate-wait=14m", "--gate-interval=1m", "--gate-steady=2m")


@pytest.mark.parametrize(
    ("version", "options", "ret", "rounds"),
    [
        ("good", WATCH, 1, 15),  # WARNING: the first rounds could not tell
        ("good", ("--gate-watch=6m", "--gate-interval=1m", "--gate-delay=8m"), 0, 7),
        ("bad", WATCH, 2, 7),
        ("few", WATCH, 2, 15),  # NO-GO in the end: it was never judged
        ("absent", WATCH, 2, 3),  # NO-GO at once: nothing is there to be waited for
        ("good", WAIT, 0, 8),
        ("few", WAIT, 2, 15),
    ],
)
def test_a_gate_of_one_comparison_waits_until_it_can_tell(
    pytester: pytest.Pytester,
    run_gate: Gate,
    canary: servers.Server,
    version: str,
    options: tuple[str, ...],
    ret: int,
    rounds: int,
) -> None:
    (pytester.path / "test_canary.py").write_text(ALONE)
    given = ("test_canary.py", f"--gate-var=version={version}", "--gate-json=gate.json")
    where = (f"--prometheus-url={canary.url}", f"--gate-at={DEPLOYED}")
    found = run_gate(*given, *where, *options, "--gate-record=evidence.json")
    report = (pytester.path / "gate.json").read_text()
    assert (found.ret, len(json.loads(report)["rounds"])) == (ret, rounds)
    assert run_gate(*given, "--gate-replay=evidence.json").ret == ret
    again = json.loads((pytester.path / "gate.json").read_text())
    for document in (json.loads(report), again):
        assert document["checks"][0]["sides"]["unit"] == "ratio"
    assert again["checks"] == json.loads(report)["checks"]


@pytest.mark.parametrize(
    ("minutes", "options", "ret", "words"),
    [
        (2, (), 1, "too little to tell"),
        (2, ("required = ['errors']",), 1, "too little to tell"),
        (0.5, (), 2, "the gate is blind: * at least 2 needed"),
        (0.5, ("required = ['errors']",), 2, "the gate is blind: * at least 2 needed"),
    ],
)
def test_one_run_is_blind_only_where_nothing_was_judged(
    pytester: pytest.Pytester,
    run_gate: Gate,
    canary: servers.Server,
    minutes: float,
    options: tuple[str, ...],
    ret: int,
    words: str,
) -> None:
    (pytester.path / "test_canary.py").write_text(ALONE)
    (pytester.path / "deploygate.toml").write_text("\n".join(options))
    at = DEPLOYED + 60 * minutes
    where = (f"--prometheus-url={canary.url}", f"--gate-at={at}", "--gate-var=version=good")
    result = run_gate("test_canary.py", *where)
    assert result.ret == ret
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_errors_whose_series_begin_with_them_are_counted(canary: servers.Server) -> None:
    kind = Compare(new='version="new"', old='version="old"', window="20m").shares(
        total="sum(increase(pages_total{$side}[$window]))"
    )
    query = 'sum(increase(pages_total{$side,code="500"}[$window]))'
    asked = gate_run(canary.url, END)
    given = criterion(kind, query=query, quantity="error share")
    asked.comparisons.expect([given])
    found = asked.judge(given, END)
    # 20m have 26 slices of 45s, in which 39 pages begin to fail, each with 5 errors.
    assert (found.reason, ", 195 of " in found.message) == ("breach", True), found.message


def test_rules_and_dashboard_draw_the_ratio_and_say_that_they_cannot_judge(
    pytester: pytest.Pytester, compare: Gate, canary: servers.Server
) -> None:
    code = "import sys; from pytest_deploygate.cli import main; sys.exit(main())"

    def printed(command: str) -> str:
        pytester.path.joinpath("deploygate.toml").write_text('[vars]\nversion = "3"\n')
        done = pytester.run(sys.executable, "-c", code, command, "test_canary.py")
        assert done.ret == 0
        return str(done.stdout)

    rules = printed("rules")
    assert rules.replace("\n# ", " ").count("only the ratio is drawn") == 4
    (group, _) = yaml.safe_load(rules)["groups"]
    drawn = {
        rule["labels"]["criterion"]: rule["expr"]
        for rule in group["rules"]
        if rule["record"] == "deploygate:criterion_value"
    }
    values = {name: instant(canary.url, expr, END)[0][1] for name, expr in drawn.items()}
    assert values == {
        "errors": pytest.approx(3, rel=0.1),
        "by_region": pytest.approx(5, rel=0.15),
        "memory": pytest.approx(1.5, rel=0.2),
        "yesterday": pytest.approx(1, rel=0.2),
    }
    # by each panel, and by the verdict, which they do not count in
    assert printed("grafana").count("only the ratio is drawn") == 4 + 1


def criterion(kind: Kind, **details: Any) -> Criterion:
    given = {"id": "x", "at_most": 1.25, "query": "avg(memory_bytes{$side})", "kind": kind}
    return Criterion(**{**given, **details})


def test_all_pairs_of_a_run_share_the_confidence(canary: servers.Server) -> None:
    sides: dict[str, Any] = {**SIDE, "window": "10m"}
    total = "sum by (region) (increase(requests_total{$side}[$window]))"
    bad = total.replace("{$side", '{$side,code="500"')

    def run(number: int, **details: Any) -> tuple[GateRun, list[Criterion]]:
        kind = Compare(**sides, **details).shares(total=total)
        given = [criterion(kind, id=f"x{n}", query=bad) for n in range(number)]
        asked = gate_run(canary.url, END)
        asked.comparisons.expect(given)
        return asked, given

    def lower(number: int, **details: Any) -> float:
        asked, given = run(number, **details)
        found = asked.judge(given[0], END).sides
        assert found is not None
        assert found.lower is not None
        return found.lower

    assert run(4)[0].comparisons.pairs(END) == 8
    assert lower(1) > lower(4) > lower(40)
    assert lower(40, per_pair=True) == lower(1, per_pair=True) > lower(1)


def test_a_backtest_judges_every_step_as_a_run_would(canary: servers.Server) -> None:
    kind = Compare(new='version="3"', old='version="2"', window="20m").shares(
        total="sum by (region) (increase(requests_total{$side}[$window]))"
    )
    query = 'sum by (region) (increase(requests_total{$side,code="500"}[$window]))'
    given = criterion(kind, query=query)
    asked = gate_run(canary.url, END)
    asked.comparisons.expect([given])
    times = Times(END - 3600, 600.0, 7)
    many = judge_many(asked.resolved(given), times, asked.ask)
    for place, at in enumerate(times.all):
        one = asked.judge(given, at)
        assert STATUSES[many.statuses[place]] is one.status
        assert many.values[place] == pytest.approx(one.value)


SIDE: Mapping[str, Any] = {"new": 'version="3"', "old": 'version="2"'}


@pytest.mark.parametrize(
    ("details", "reason", "words"),
    [
        ({"step": "30s"}, "no-data", 'set step="1m"'),
        ({"window": "3m"}, "no-data", "at least 5 needed"),
        ({"step": "2m"}, "breach", "memory"),
    ],
)
def test_the_step_fits_the_scrapes(
    canary: servers.Server, details: Mapping[str, Any], reason: str, words: str
) -> None:
    asked = gate_run(canary.url, END)
    given = criterion(Compare(**SIDE, **details), quantity="memory")
    asked.comparisons.expect([given])
    found = asked.judge(given, END)
    assert (found.reason, words in found.message) == (reason, True), found.message


@pytest.mark.parametrize("deployed", [(), (f"--gate-deployed-at={END - 1200}",)])
def test_a_backtest_asks_for_overlapping_windows_together(
    pytester: pytest.Pytester, run_gate: Gate, canary: servers.Server, deployed: tuple[str, ...]
) -> None:
    (pytester.path / "test_canary.py").write_text(CHECKS)
    given = (f"--prometheus-url={canary.url}", "--gate-var=version=3", *deployed)
    times = (f"--gate-at={END}", "--last=1h", "--step=5m", "--html=backtest.html")
    _, document = backtest(*given, *times, "test_canary.py")
    assert len(document["times"]) == 12
    # Three grids of 45s fit into steps of 5m, for four expressions of each comparison of shares;
    # one grid of 60s for two sides of the memory, and for one expression of yesterday's.
    assert document["queries"] <= 28  # 12 steps asked apart are 144
    named = {check["id"]: check for check in document["checks"]}
    for place in (0, 5, 11):
        at = document["times"][place]
        run_gate("test_canary.py", *given, f"--gate-at={at}", "--gate-json=gate.json")
        for id_, check in checks_of(pytester.path / "gate.json").items():
            found = [named[id_][key][place] for key in ("status", "reason", "value")]
            value = check["value"]
            expected = None if value is None else pytest.approx(value)
            assert found == [check["status"], check["reason"], expected], (id_, at)
    page = (pytester.path / "backtest.html").read_text(encoding="utf-8")
    assert page.count("--gate-deployed-at</title>") == len(deployed)


def test_the_thresholds_of_another_gate_are_judged_with_all_its_pairs(
    pytester: pytest.Pytester, canary: servers.Server
) -> None:
    text = (
        CHECKS.partition("CRITERIA")[0]
        + """
from pytest_deploygate import threshold

@gate_criteria([
    Criterion(id=f"errors{n}", at_most=threshold("errors_max", 1.25),
              kind=CANARY.shares(total="sum(increase(requests_total{$side}[$window]))"),
              query='sum(increase(requests_total{$side,code="500"}[$window]))')
    for n in range(30)
])
def test_canary(criterion, gate):
    gate.check(criterion)
"""
    )
    (pytester.path / "test_canary.py").write_text(text)
    at = END - 600
    query = 'sum(increase(requests_total{$side,code="500"}[$window]))'
    kind = Compare(new='version="3"', old='version!="3"', window="60m").shares(
        total="sum(increase(requests_total{$side}[$window]))"
    )

    def lower(number: int) -> float:
        asked = gate_run(canary.url, at)
        given = [criterion(kind, id=f"x{n}", query=query) for n in range(number)]
        asked.comparisons.expect(given)
        found = asked.judge(given[0], at).sides
        assert found is not None
        assert found.lower is not None
        return found.lower

    between = (lower(1) + lower(30)) / 2  # one comparison alone would be in breach of it
    where = (f"--prometheus-url={canary.url}", f"--gate-at={END}", "--gate-var=version=3")
    times = ("--last=10m", "--step=10m", f"--against=errors_max={between}")
    _, document = backtest(*where, *times, "test_canary.py")
    assert document["times"] == [at]
    assert {one["status"][0] for one in document["checks"]} == {"NO_GO"}
    assert {one["status"][0] for one in document["against"]["checks"]} == {"GO"}
