"""``deploygate backtest`` on a real Prometheus: it says what the gate says, and asks little."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

import pytest_deploygate
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.verdict import Verdict, blindness, decide
from pytest_deploygate.engine.run import GateRun
from tests.conftest import END, Gate
from tests.faults import Exchange, Fault, faulty
from tests.real.backtests import CRITERIA, DEPLOYED, HOUR, ILL, START, backtest, two_days
from tests.servers import Server

QUICK = ("-k", "not oddly and not of_its_end")
ALL = ("-k", "test_", "--step=20m")
SELECTED = 'app="shop"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with two_days(tmp_path_factory.mktemp("two-days")) as one:
        yield one


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A directory with criteria of every kind."""
    checks = pytester.path / "gate_checks"
    checks.mkdir()
    (checks / "test_all.py").write_text(CRITERIA, encoding="utf-8")
    return pytester.path


def criteria() -> list[Criterion]:
    names: dict[str, Any] = {"__name__": "criteria"}
    exec(CRITERIA, names)
    return list(names["CRITERIA"])


def settings(url: str, at: float, *more: str) -> dict[str, Any]:
    given: dict[str, Any] = {"prometheus-url": url, "gate-at": str(at)}
    return given | ({"gate-select": more[0]} if more else {})


def alone(url: str, at: float, *select: str) -> list[Result]:
    """What the gate says at one time."""
    run = GateRun(merge(command_line(settings(url, at, *select))), {})
    run.prefetch(criteria(), at)
    return [run.judge(one, at) for one in criteria()]


def at(server: Server, *more: str) -> tuple[str, ...]:
    """Judge all two days every ten minutes, unless something else is given.

    What takes many queries is only there where it matters.
    """
    return (
        "--prometheus-url",
        server.url,
        "--gate-at",
        str(END),
        "--last=2d",
        "--step=10m",
        *QUICK,
        *more,
    )


def queries(server: Server, handler: str) -> int:
    """How many queries of a kind the server has answered."""
    text = requests.get(f"{server.url}/metrics", timeout=5).text
    name = "prometheus_http_request_duration_seconds_count"
    found = re.search(rf'^{name}{{handler="/api/v1/{handler}"}} (\d+)', text, re.MULTILINE)
    return int(found[1]) if found else 0


def assert_same(document: dict[str, Any], place: int, results: Sequence[Result]) -> None:
    """Every check of a step is what the gate says of it."""
    for check, result in zip(document["checks"], results, strict=True):
        at = {key: check[key][place] for key in ("status", "reason", "value", "labels")}
        assert check["id"] == result.id
        assert (at["status"], at["reason"]) == (result.status, result.reason), (
            document["times"][place],
            result.message,
        )
        finite = result.value is not None and abs(result.value) < float("inf")
        assert at["value"] == (pytest.approx(result.value, rel=1e-9) if finite else None)
        assert at["labels"] == dict(result.labels)
    verdict = Verdict.NO_GO if blindness(results) else decide(results)
    assert document["verdicts"][place] == verdict


@pytest.mark.parametrize("select", [(), (SELECTED,)], ids=["all", "selected"])
def test_every_kind_is_judged_as_by_the_gate_at_every_time(
    project: Path, server: Server, select: tuple[str, ...]
) -> None:
    narrowed = ["--gate-select", *select] if select else []
    code, document = backtest(*at(server, *ALL, *narrowed))
    assert code == 0
    assert len(document["times"]) == 144
    reasons = {check["id"]: set(check["reason"]) for check in document["checks"]}
    assert reasons["quantile"] == {"ok", "breach", "no-data", "error"}, "buckets that differ"
    statuses = {check["id"]: set(check["status"]) for check in document["checks"]}
    assert statuses["sometimes"] == ({"WARNING", "SKIPPED"} if select else {"GO", "SKIPPED"})
    assert set(document["verdicts"]) >= {"WARNING", "NO_GO"}
    for place in random.Random(11).sample(range(144), 40):
        assert_same(document, place, alone(server.url, document["times"][place], *select))


def test_it_says_what_the_command_says(project: Path, server: Server, run_gate: Gate) -> None:
    _, document = backtest(*at(server, *ALL))
    named = {check["id"]: check for check in document["checks"]}
    drawn = random.Random(3).sample(range(144), 3)
    for place in drawn:
        time = document["times"][place]
        run_gate("--prometheus-url", server.url, "--gate-at", str(time), "--gate-json=gate.json")
        report = json.loads(Path("gate.json").read_text("utf-8"))
        assert len(report["checks"]) == len(named) + 1
        for check in report["checks"]:
            if check["id"] in named:
                one = named[check["id"]]
                found = [one[key][place] for key in ("status", "reason", "labels")]
                assert found == [check[key] for key in ("status", "reason", "labels")]
                value = check["value"]
                expected = None if value is None else pytest.approx(value, rel=1e-9)
                assert one["value"][place] == expected


def test_each_expression_is_asked_once_and_cut_where_it_must_be(
    project: Path, server: Server
) -> None:
    before = queries(server, "query_range")
    _, document = backtest(*at(server, "-k", "now or matched or falling or quantile"))
    # now and matched are one expression; the buckets of both quantiles are one more
    assert [check["id"] for check in document["checks"]] == [
        *("now", "falling", "quantile", "quantile_lasting", "matched")
    ]
    assert document["queries"] == queries(server, "query_range") - before == 5
    _, cut = backtest(*at(server, "-k", "now or matched", "--step=15s"))
    assert (len(cut["times"]), cut["queries"]) == (11_520, 2)
    # what is asked for a window answers for the values too
    _, cut = backtest(*at(server, "-k", "(now or lasting) and not (oddly or quantile or traffic)"))
    assert ([check["id"] for check in cut["checks"]], cut["queries"]) == (["now", "lasting"], 2)


def test_a_part_that_failed_is_an_error_at_its_steps_only(project: Path, server: Server) -> None:
    def early(exchange: Exchange) -> None:
        assert exchange.request is not None
        parameters = exchange.request.parameters
        first = float(parameters.get("start", END)) < START
        exchange.send(400, b"no") if first and parameters["step"] == "15.000" else (
            exchange.pass_on()
        )

    with faulty(server.url, Fault(early)) as proxy:
        code, document = backtest(*at(server, "--prometheus-url", proxy.url))
    _, whole = backtest(*at(server))
    assert code == 2
    assert any("lasting: not measured at 144 of 288 steps" in one for one in document["problems"])
    for check, expected in zip(document["checks"], whole["checks"], strict=True):
        if check["id"] == "lasting":
            assert set(check["reason"][:144]) == {"error"}
            assert check["reason"][144:] == expected["reason"][144:]
        else:
            assert check == expected | {"seconds": check["seconds"]}


def test_a_time_limit_is_kept_and_not_in_silence(
    project: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def hold(exchange: Exchange) -> None:
        assert exchange.request is not None
        held = exchange.request.parameters.get("query") == "reward"
        exchange.drip(b"x", 0.1) if held else exchange.pass_on()

    with faulty(server.url, Fault(hold)) as proxy:
        given = ("--prometheus-url", proxy.url, "--gate-query-timeout=2s", "-k", "now or falling")
        code, document = backtest(*at(server, *given))
    assert code == 2
    by_id = {check["id"]: set(check["reason"]) for check in document["checks"]}
    assert by_id["falling"] == {"error"}
    assert "error" not in by_id["now"]
    [problem] = document["problems"]
    assert problem.startswith("falling: not measured at 288 of 288 steps: ")
    assert capsys.readouterr().err == f"deploygate backtest: {problem}\n"


def test_incidents_and_deployments_from_a_file_and_from_expressions_agree(
    project: Path, server: Server
) -> None:
    rows = "".join(f"{start},{end},outage\n" for start, end in ILL)
    (project / "incidents.csv").write_text(f"start,end,name\n{rows}")
    (project / "deployed.csv").write_text("".join(f"{one},app\n" for one in DEPLOYED))
    files = ("--incidents=incidents.csv", "--deployments=deployed.csv")
    _, document = backtest(*at(server, *files))
    _, other = backtest(*at(server, "--incidents=known_incident", "--deployments=deployed"))
    for given in (document, other):
        assert given["incidents"]["recall"] == 1
        assert 0 < given["incidents"]["precision"] < 1
        assert [one["delay"] for one in given["incidents"]["incidents"]] == [0, 0]
        assert [one["time"] for one in given["deployments"]] == list(DEPLOYED)
    assert document["incidents"]["minutes"]["incident"] == 90
    # a series is there for five minutes more, because the server looks back: a step more
    assert other["incidents"]["minutes"]["incident"] == 110
    step = [document["times"].index(one) for one in DEPLOYED]
    verdicts = [document["verdicts"][place] for place in step]
    assert [one["verdict"] for one in document["deployments"]] == verdicts


def test_an_expression_that_cannot_be_answered_loses_nothing_else(
    project: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = "latency / on () latency"
    code, document = backtest(*at(server, "--incidents", twice, "--suggest", "-k", "now"))
    assert (code, document["incidents"]) == (2, None)
    assert document["suggestions"]
    [problem] = document["problems"]
    assert problem.startswith("--incidents: ")
    assert "many-to-many" in problem
    assert problem in capsys.readouterr().err


def test_against_is_what_a_gate_with_these_thresholds_would_have_said(
    project: Path, server: Server
) -> None:
    values = ("latency_max=3", "loss_max=1.7", "times_max=1.2")
    against = [f"--against={value}" for value in values]
    before = queries(server, "query_range")
    _, document = backtest(*at(server, *against))
    assert queries(server, "query_range") - before == document["queries"]
    _, other = backtest(*at(server, *[f"--gate-set={value}" for value in values]))
    keys = ("verdicts", "checks", "periods", "share")
    assert {key: document["against"][key] for key in keys} == {key: other[key] for key in keys}
    assert document["verdicts"] != other["verdicts"]


def test_suggested_limits_pasted_in_block_what_they_say(project: Path, server: Server) -> None:
    (project / "incidents.csv").write_text("".join(f"{a},{b + HOUR}\n" for a, b in ILL))
    _, document = backtest(*at(server, "--suggest", "--incidents=incidents.csv"))
    ill = [any(a <= time < b + HOUR for a, b in ILL) for time in document["times"]]
    outside = [place for place, one in enumerate(ill) if not one]
    assert len(document["thresholds"]["0%"].splitlines()) >= 5
    for name, share in (("1%", 0.01), ("0%", 0.0)):
        (project / "deploygate.toml").write_text("[thresholds]\n" + document["thresholds"][name])
        _, again = backtest(*at(server))
        for check, one in zip(again["checks"], document["suggestions"], strict=True):
            if (
                one["limits"][name] is not None
                and f"{one['key']} =" in document["thresholds"][name]
            ):
                failed = [check["reason"][place] in ("breach", "error") for place in outside]
                assert sum(failed) <= share * len(outside), check["id"]
        (project / "deploygate.toml").unlink()


def test_periods_name_the_culprit_once(project: Path, server: Server) -> None:
    before = queries(server, "query")
    _, document = backtest(*at(server, "-k", "quantile and not lasting"))
    [check] = document["checks"]
    blind, ill, *others = document["periods"]
    assert (blind["failed"], blind["culprits"]) == ([], {})
    assert "blind" in blind["why"]
    assert queries(server, "query") - before == 1 + len(others) == 3
    assert ill["culprits"]["quantile"].endswith(" s, instance=a"), "the instance that was ill"
    failed = [one["length"] for one in document["periods"] if one["failed"]]
    assert sum(failed) == check["seconds"]["blocked"]
    statuses = dict(zip(document["times"], check["status"], strict=True))
    for one in (ill, *others):
        inside = [statuses[t] for t in document["times"] if one["begin"] <= t < one["end"]]
        assert set(inside) == {"NO_GO"}
        assert statuses.get(one["begin"] - 600) != "NO_GO"
        assert statuses.get(one["end"]) != "NO_GO"


@pytest.mark.parametrize(
    ("configuration", "chosen", "why"),
    [
        ('required = ["some*"]', "now or sometimes", "a required check was not measured"),
        ("gate-select = 'app=\"nope\"'", "falling", "no series has the matchers of --gate-select"),
    ],
)
def test_what_makes_a_run_no_go_besides_its_checks_does_so_here(
    project: Path, server: Server, run_gate: Gate, configuration: str, chosen: str, why: str
) -> None:
    (project / "deploygate.toml").write_text(configuration)
    text = CRITERIA.partition("def test_of_its_own")[0]
    (project / "gate_checks" / "test_all.py").write_text(text, encoding="utf-8")
    _, document = backtest(*at(server, "-k", chosen))
    period = next(one for one in document["periods"] if not one["failed"])
    assert period["why"] == why
    time = str(period["begin"])
    given = ("-k", chosen, "--prometheus-url", server.url, "--gate-at", time)
    assert run_gate(*given, "--gate-json=gate.json").ret == 2
    report = json.loads(Path("gate.json").read_text("utf-8"))
    assert report["overall_status"] == "NO_GO"
    assert "NO_GO" not in {check["status"] for check in report["checks"]}


def test_the_exit_code_is_asked_for(project: Path, server: Server) -> None:
    assert backtest(*at(server, "--exit-code"))[0] == 2
    calm = ("--from", START + 3 * HOUR, "--to", START + 3.5 * HOUR, "-k", "errors")
    assert backtest("--prometheus-url", server.url, "--exit-code", *calm)[0] == 0


def test_the_summary_is_one_screen(
    project: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest(*at(server, "--against=latency_max=3", "--incidents=known_incident"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 28
    assert lines[0].startswith(
        "BACKTEST  2026-09-19 14:13:20 to 2026-09-21 14:13:20 UTC, 288 steps"
    )
    assert max(map(len, lines)) <= 80
    assert "Left out, as no criterion: 1 test: of_its_own" in lines


def test_the_json_has_a_schema_and_the_page_is_complete(project: Path, server: Server) -> None:
    options = ("--suggest", "--against=latency_max=3", "--incidents=known_incident")
    _, document = backtest(*at(server, *options, "--deployments=deployed", "--html=b.html"))
    folder = Path(pytest_deploygate.__file__).parent / "schemas"
    schema = json.loads((folder / "backtest.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)
    text = Path("b.html").read_text("utf-8")
    assert "http://" not in text.replace(server.url, "").replace("http://www.w3.org", "")
    assert "<script" not in text
    assert text.count('class="row') == 2 + len(document["checks"]) + 2 + 1


def test_more_than_the_server_keeps_is_refused_before_anything_is_asked(
    project: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def kept(exchange: Exchange) -> None:
        assert exchange.request is not None
        info = b'{"status":"success","data":{"storageRetention":"1d or 1GB"}}'
        runtime = exchange.request.path.endswith("/runtimeinfo")
        exchange.send(200, info) if runtime else exchange.pass_on()

    with faulty(server.url, Fault(kept)) as proxy:
        code, _ = backtest("--prometheus-url", proxy.url, "--last=3d")
        asked = [one.path for one in proxy.requests]
    assert code == 4
    assert asked == ["/api/v1/status/runtimeinfo"]
    said = f"--last 3d: {proxy.url} keeps only 1d; give at most --last 1d"
    assert capsys.readouterr().err == f"deploygate backtest: {said}\n"


def test_more_than_the_server_has_is_said_and_nothing_is_lost(
    project: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = backtest(*at(server, "--last=4d", "--step=1h", "-k", "now"))
    assert (code, len(document["times"])) == (2, 96)
    said = "what is asked has no sample before the last 2d: the server does not keep 4d"
    assert said in capsys.readouterr().err
    code, document = backtest(
        *("--prometheus-url", server.url, "-k", "now"),
        *("--from", START - 9000, "--to", START - 8000),
    )
    assert code == 2
    assert "nothing that is asked has a sample in this time" in document["problems"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--against latency_mx=3", "--against latency_mx: no criterion has this threshold, did"),
        ("--incidents incidents.csv", "--incidents incidents.csv: is not a file here, and not"),
        ("--incidents bad.csv", "--incidents bad.csv: line 2: the end 1700000000 is not after"),
        ("--gate-replay e.json", "--gate-replay e.json"),
        ("--gate-demo go", "--gate-demo: evidence has no answers for other times than its own"),
        ("--gate-json gate.json", "--gate-json: is for a run of the gate; leave it out"),
        ("--gate-watch 5m", "--gate-watch: is for a run of the gate; leave it out"),
        ("--gate-at 1e9 --from 1 --to 999", "--gate-at with --from and --to"),
        ("--gate-set latency_max=x", "no criterion was collected from --gate-set latency_max=x"),
        ("nowhere.py", "no criterion was collected from nowhere.py"),
    ],
)
def test_what_was_given_is_refused_in_one_line(
    project: Path, arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "bad.csv").write_text("start,end\n1700000060,1700000000\n")
    code, _ = backtest(*arguments.split())
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (4, 1), err
    assert said in err


def test_a_report_of_an_earlier_run_is_left_alone(project: Path, server: Server) -> None:
    (project / "deploygate.toml").write_text('gate-junit = "gate.xml"\n')
    (project / "gate.xml").write_text("the report of yesterday")
    assert backtest(*at(server, "-k", "now"))[0] == 0
    assert (project / "gate.xml").read_text() == "the report of yesterday"
