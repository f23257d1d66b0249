"""``--gate-select`` and ``--gate-var`` on a Prometheus with two applications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate_checks import criteria
from pytest_deploygate import cli
from pytest_deploygate.promql.narrowing import matchers, narrowed
from pytest_deploygate.promql.selectors import selectors
from tests import servers
from tests.conftest import END, Gate
from tests.production import Counter, Production, openmetrics, production
from tests.real.asking import instant
from tests.samples import Series
from tests.servers import Server

SHOP, BLOG = 'namespace="prod",app="shop"', 'namespace="prod",app="blog"'
GPU = ("nvidia_gpu_memory_free_bytes", "nvidia_gpu_memory_total_bytes")
HOSTILE = "a\"}\\ or vector(99) #'`{${x}$$\n"


def application(state: Production, name: str) -> tuple[Series, ...]:
    """The series of a production as those of one application; what its machines export is not."""
    return tuple(
        one
        if one.name.startswith(("nvidia", "DCGM"))
        else replace(one, labels=tuple(sorted((*one.labels, ("app", name), ("namespace", "prod")))))
        for one in state.series
    )


def both() -> Production:
    """The shop is healthy; the blog is not, and both have what the expressions below ask for."""
    healthy = (
        production(END, interval=60.0, length=8100.0)
        .without("DCGM_FI_DEV_FB_FREE")
        .without("DCGM_FI_DEV_FB_USED")
    )
    for mode, value in {"a}b": 3, "{": 4, 'q"#': 5}.items():
        healthy = healthy.with_series("odd", {"mode": mode}, value)
    ill = healthy.with_error_rate(0.1)
    ill = replace(ill, series=tuple(one for one in ill.series if one.name not in GPU))
    ill = ill.with_values("cache_hit_rate", 0.1).with_series("only_blog", {}, Counter(1))
    return replace(healthy, series=(*application(healthy, "shop"), *application(ill, "blog")))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that holds two applications of one kind."""
    with servers.prometheus(openmetrics(both()), tmp_path_factory.mktemp("two")) as server:
        yield server


# Each pair: as a user writes it, and as somebody would write it for the shop alone.
S = '{namespace="prod",app="shop"}'
EXPRESSIONS = [
    ("up", f"up{S}"),
    ("sum(up) by (job)", f"sum by (job) (up{S})"),
    (
        "sum by (mode) (cache_hit_rate) / on (mode) group_left (job)"
        ' count by (mode, job) (cache_hit_rate{cache_type!=""})',
        f"sum by (mode) (cache_hit_rate{S}) / on (mode) group_left (job)"
        f' count by (mode, job) (cache_hit_rate{{cache_type!="",{S[1:]})',
    ),
    ("max_over_time(up[30m:1m])", f"max_over_time(up{S}[30m:1m])"),
    ("max_over_time(up[30m:])", f"max_over_time(up{S}[30m:])"),
    ("absent_over_time(nowhere[5m:])", f"absent_over_time(nowhere{S}[5m:])"),
    ("up offset 5m", f"up{S} offset 5m"),
    ("up offset -1m + up", f"up{S} offset -1m + up{S}"),
    (f"up @ {END - 60.123:.3f}", f"up{S} @ {END - 60.123:.3f}"),
    ("up @ start()", f"up{S} @ start()"),
    (
        "rate(http_requests_total[5m] offset 1m)",
        f"rate(http_requests_total{S}[5m] offset 1m)",
    ),
    ("only_blog or up", f"only_blog{S} or up{S}"),
    ("up unless only_blog", f"up{S} unless only_blog{S}"),
    ("up and ignoring (job) up", f"up{S} and ignoring (job) up{S}"),
    ('up{job=~"a.*|b",instance!~"x"}', f'up{{job=~"a.*|b",instance!~"x",{S[1:]}'),
    ('{__name__="up"}', f'{{__name__="up",{S[1:]}'),
    ('{__name__=~"up|odd"}', f'{{__name__=~"up|odd",{S[1:]}'),
    ('odd{mode="a}b"}', f'odd{{mode="a}}b",{S[1:]}'),
    ("odd{mode='{'}", f'odd{{mode="{{",{S[1:]}'),
    ('odd{mode=`q"#`}', f'odd{{mode="q\\"#",{S[1:]}'),
    ("odd{ # with a }\n mode='{', # and a {\n} # up{", f'odd{{mode="{{",{S[1:]}'),
    ("up * 1e3 + 0x1f - .5", f"up{S} * 1000 + 31 - 0.5"),
    ("up > bool 0.5", f"up{S} > bool 0.5"),
    ("up == on (instance) up", f"up{S} == on (instance) up{S}"),
    ("-up ^ 2", f"-up{S} ^ 2"),
    ("sum_over_time(up[1h30m])", f"sum_over_time(up{S}[90m])"),
    ("sum without () (up)", f"sum without () (up{S})"),
    ("topk(scalar(count(only_blog) or vector(1)), odd)", f"topk(1, odd{S})"),
    ("SUM BY (job) (up)", f"sum by (job) (up{S})"),
    (
        "histogram_quantile(.95, sum by (le, mode) (rate(llm_brief_latency_seconds_bucket[5m])))",
        "histogram_quantile(0.95, sum by (le, mode) "
        f"(rate(llm_brief_latency_seconds_bucket{S}[5m])))",
    ),
    (
        'label_replace(up, "x", "$1", "job", "(.*)")',
        f'label_replace(up{S}, "x", "$1", "job", "(.*)")',
    ),
    ("count_values('v', up)", f'count_values("v", up{S})'),
    ("absent(only_blog)", f"absent(only_blog{S})"),
    ("vector(1) + time() * 0", "vector(1) + time() * 0"),
    ('up{namespace="prod"}', f"up{S}"),
    ('up{app="blog"}', 'up{app="none"}'),
]


@pytest.mark.parametrize(("written", "by_hand"), EXPRESSIONS)
def test_an_expression_answers_what_one_written_for_the_application_does(
    two: Server, written: str, by_hand: str
) -> None:
    text = narrowed(written, matchers(SHOP, "--gate-select"))
    answer, expected = (_sorted(instant(two.url, expr, END)) for expr in (text, by_hand))
    assert answer == expected
    assert answer or written in ('up{app="blog"}', "only_blog")


def _sorted(samples: Sequence[Any]) -> list[Any]:
    return sorted((sorted(labels.items()), value) for labels, value in samples)


def run(
    run_gate: Gate, server: Server, *arguments: str | Path
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The exit code, the report, and its checks by id."""
    given = ("--prometheus-url", server.url, "--gate-at", str(END), "--gate-json", "gate.json")
    code = run_gate(*given, *arguments).ret
    report = json.loads(Path("gate.json").read_text())
    return int(code), report, {check["id"]: check for check in report["checks"]}


def test_the_application_is_judged_alone(
    two: Server, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    shipped = ("--pyargs", "gate_checks", *workers)
    code, report, checks = run(run_gate, two, *shipped, "--gate-select", SHOP)
    assert report["selection"] == SHOP
    gpu = checks.pop("vram_headroom")
    assert {check["status"] for check in checks.values()} == {"GO"}, report["sentence"]
    assert (gpu["status"], gpu["reason"], code) == ("WARNING", "no-data", 1)
    assert gpu["message"].startswith(
        "no data: nvidia_gpu_memory_free_bytes and nvidia_gpu_memory_total_bytes exist, but not "
        "with namespace=prod, app=shop"
    )
    code, _, checks = run(run_gate, two, *shipped, "--gate-select", BLOG)
    assert code == 2
    assert {name for name, one in checks.items() if one["reason"] == "breach"} == {
        *("api_error_rate", "fast_cache_hit_rate", "balanced_cache_hit_rate")
    }


def test_every_query_is_narrowed_those_behind_a_check_too(
    two: Server, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    arguments = ("--gate-select", BLOG, "--gate-record", "evidence.json")
    run(run_gate, two, "--pyargs", "gate_checks", *workers, *arguments)
    answers = json.loads(Path("evidence.json").read_text())["answers"]
    # What asks which metrics lack the labels has to see series without them.
    asked = {one["query"] for one in answers if 'app=~"(?:blog)?"' not in one["query"]}
    own = matchers(BLOG, "--gate-select")
    assert asked == {narrowed(query, own) for query in asked}
    assert narrowed(criteria.API[0].culprit, own) in asked
    assert any(query.startswith("count without (host, instance") for query in asked)


CULPRIT = """
from pytest_deploygate import Criterion, gate_criteria

BUCKETS = "rate(llm_brief_latency_seconds_bucket[5m])"

@gate_criteria([
    Criterion(
        id="errors",
        query='sum(rate(http_requests_total{status="$code"}[5m])) or vector(0)',
        culprit='sum by (app, instance) (rate(http_requests_total{status="$code"}[5m]))',
        select='app="blog"',
        at_most=0,
    ),
    Criterion(
        id="p95",
        query=f"histogram_quantile(0.95, sum by (le, mode) ({BUCKETS}))",
        culprit=f"histogram_quantile(0.95, {BUCKETS})",
        below=1,
        match={"mode": "fast"},
    ),
])
def test_criterion(criterion, gate):
    gate.check(criterion)
"""


def test_a_culprit_has_the_variables_and_the_selection_of_its_check(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(CULPRIT)
    arguments = ("--gate-select", SHOP, "--gate-var", "code=500")
    _, _, checks = run(run_gate, two, *workers, *arguments)
    assert "; worst: 20, app=blog, instance=app-2:8000" in checks["errors"]["message"]
    worst = checks["p95"]["message"].partition("; worst: ")[2]
    assert "app=shop" in worst
    code, report, _ = run(run_gate, two, *workers, "--gate-select", SHOP)
    assert code == (2 if workers else 4)
    assert "criterion 'errors': $code is not defined" in report["problems"][0]


def with_targets_down() -> Production:
    """All targets of the shop are down."""
    return both().with_values("up", 0, job="app", app="shop")


def test_the_targets_of_one_application_are_judged_alone(
    tmp_path: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    shipped = ("--pyargs", "gate_checks", *workers)
    with servers.prometheus(openmetrics(with_targets_down()), tmp_path / "labelled") as server:
        code, report, checks = run(run_gate, server, *shipped, "--gate-select", SHOP)
        assert (code, checks["targets_up"]["reason"]) == (2, "breach")
        assert report["sentence"].startswith("Targets Up: targets up 0 %")
        _, _, checks = run(run_gate, server, *shipped, "--gate-select", BLOG)
        assert checks["targets_up"]["status"] == "GO"


def test_targets_without_the_labels_of_the_application_are_no_data_by_name(
    tmp_path: Path, run_gate: Gate, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    shipped = ("--pyargs", "gate_checks", *workers)
    state = with_targets_down().without("up", app="blog")
    series = tuple(
        replace(one, labels=tuple(label for label in one.labels if label[0] != "app"))
        if one.name == "up"
        else one
        for one in state.series
    )
    text = openmetrics(replace(state, series=series))
    with servers.prometheus(text, tmp_path / "unlabelled") as server:
        _, _, checks = run(run_gate, server, *shipped, "--gate-select", SHOP)
        found = checks["targets_up"]
        assert (found["status"], found["reason"]) == ("WARNING", "no-data")
        said = "no data: up exists, but not with namespace=prod, app=shop"
        assert found["message"].startswith(said)
        own = "[criteria.targets_up]\nselect = 'namespace=\"prod\"'\n"
        pytester.path.joinpath("deploygate.toml").write_text(own)
        code, _, checks = run(run_gate, server, *shipped, "--gate-select", SHOP)
        assert (code, checks["targets_up"]["reason"]) == (2, "breach")


def test_a_check_can_have_a_selection_of_its_own(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(
        f"gate-select = '{SHOP}'\n[criteria.vram_headroom]\nselect = ''\n"
        "[criteria.api_error_rate]\nselect = 'app=~\"bl.*\"'\n"
    )
    code, report, checks = run(run_gate, two, "--pyargs", "gate_checks", *workers)
    assert code == 2
    assert checks["vram_headroom"]["status"] == "GO"
    assert checks["api_error_rate"]["reason"] == "breach"
    assert 'app=~"bl.*"' in checks["api_error_rate"]["query"]
    assert {"name": "vram_headroom.select", "value": "", "default": "none"}.items() <= (
        next(c for c in report["configured"] if c["name"].startswith("vram")).items()
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('namespace="prd"', "no series has namespace=prd: check --gate-select"),
        ('namespace="prod",app="chekout"', "no series has app=chekout: check --gate-select"),
        ('app=~"x.*",namespace!="y"', "no series has app=~x.*: check --gate-select"),
        (
            'app="shop",job="no"',
            "no series has job=no: check --gate-select",
        ),
        (
            'app="shop",gpu!="",namespace=""',
            "no series has app=shop, gpu!=, namespace= together: check --gate-select",
        ),
    ],
)
def test_a_matcher_that_selects_nothing_is_said_once(
    two: Server, run_gate: Gate, given: str, said: str
) -> None:
    assert_nothing_selected(two, run_gate, given, said)


def test_it_is_said_once_by_several_workers(two: Server, run_gate: Gate) -> None:
    said = "no series has app=no: check --gate-select"
    assert_nothing_selected(two, run_gate, 'app="no"', said, "-n", "2")


def assert_nothing_selected(
    server: Server, run_gate: Gate, given: str, said: str, *arguments: str
) -> None:
    shipped = ("--pyargs", "gate_checks", *arguments)
    code, report, _ = run(run_gate, server, *shipped, "--gate-select", given)
    assert (code, report["sentence"]) == (2, said)
    assert json.dumps(report).count(said) == 2  # the sentence, and the problem that it is


INLINE = """
import pytest
from pytest_deploygate import Criterion, gate_criteria

@gate_criteria([Criterion(id="asked", title="Of $team", query='sum(up{app="$app"})', at_least=1)])
def test_criterion(criterion, gate):
    gate.check(criterion)

@pytest.mark.critical
def test_inline(gate):
    assert gate.check("count(count by (app) (up))", equals=1).value == 1
    apps = {one.labels["app"] for one in gate.query("odd")}
    assert apps == {one.labels["app"] for one in gate.query_range("odd", last="10m")} == {"$app"}
    with pytest.raises(Exception, match="matches nothing"):
        gate.query("only_blog")
"""


def test_what_a_test_asks_is_narrowed_too(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(INLINE.replace('{"$app"}', '{"shop"}'))
    variables = ("--gate-var", "app=shop", "--gate-var", "team=Ops")
    code, report, checks = run(run_gate, two, *workers, *variables, "--gate-select", SHOP)
    assert code == 0, report["sentence"]
    assert report["variables"] == {"app": "shop", "team": "Ops"}
    assert checks["asked"]["name"] == "Of Ops"
    assert checks["asked"]["query"] == f'sum(up{{{SHOP.split(",")[1]},namespace="prod"}})'


def test_a_failure_counter_without_the_label_is_not_zero_failures(
    tmp_path: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    state = both()
    failures = tuple(
        replace(one, labels=tuple(label for label in one.labels if label[0] != "app"))
        for one in state.with_series(
            "llm_schema_fix_count_total", {"mode": "fast", "original_model": "m"}, Counter(1)
        ).series
        if one.name == "llm_schema_fix_count_total"
    )
    others = tuple(one for one in state.series if one.name != "llm_schema_fix_count_total")
    text = openmetrics(replace(state, series=(*others, *failures)))
    with servers.prometheus(text, tmp_path / "unlabelled") as server:
        _, _, checks = run(
            run_gate, server, "--pyargs", "gate_checks", *workers, "--gate-select", SHOP
        )
    check = checks["schema_failure_rate"]
    assert (check["status"], check["reason"]) == ("WARNING", "no-data")
    assert "llm_schema_fix_count_total exists, but not with" in check["message"]


def test_a_query_that_cannot_be_parsed_is_not_asked(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.critical
        def test_it(gate):
            gate.check("up default 0", at_least=0)
        """
    )
    code, report, checks = run(
        run_gate, two, *workers, "--gate-select", SHOP, "--gate-record", "evidence.json"
    )
    assert (code, checks["it"]["reason"]) == (2, "error")
    assert (
        "its query cannot be narrowed by --gate-select: it cannot be parsed" in report["sentence"]
    )
    assert not json.loads(Path("evidence.json").read_text())["answers"]


OWN_KIND = """
from dataclasses import dataclass
from pytest_deploygate import Criterion, gate_criteria
from pytest_deploygate.kinds.instant import Instant

class Filled(Instant):
    def queries(self, criterion, times):
        query = criterion.query.replace("$window", "5m").replace("$side", 'job="app"')
        return [times.instant(query), times.instant("count(only_blog)")][:1]

class Other(Instant):
    def queries(self, criterion, times):
        return [times.instant("count(only_blog) or count(up)")]

@gate_criteria([
    Criterion(id="filled", query="count(rate(http_requests_total{$side}[$window]))",
              kind=Filled(), above=0),
    Criterion(id="other", query="up", kind=Other(), above=0),
])
def test_criterion(criterion, gate):
    gate.check(criterion)
"""


def test_whatever_a_kind_asks_is_narrowed(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(OWN_KIND)
    arguments = ("--gate-select", SHOP, "--gate-record", "evidence.json")
    code, report, _ = run(run_gate, two, *workers, *arguments)
    assert code == 0, report["sentence"]
    answers = json.loads(Path("evidence.json").read_text())["answers"]
    asked = [one["query"] for one in answers if "__name__" not in one["query"]]
    assert sorted(asked) == [
        f"count(only_blog{S}) or count(up{S})",
        f'count(rate(http_requests_total{{job="app",{S[1:-1]}}}[5m]))',
    ]


def test_the_demo_is_not_narrowed(run_gate: Gate, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(f"gate-select = '{SHOP}'\n")
    assert run_gate("--pyargs", "gate_checks", "--gate-demo", "go").ret == 0


def test_hostile_values_stay_values(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        from pytest_deploygate import Criterion, gate_criteria

        @gate_criteria([
            Criterion(id=f"c{n}", title="$v", query=query, equals=0)
            for n, query in enumerate([
                '''count(up{app="$v"}) or vector(0)''',
                '''count(up{app='${v}'}) or vector(0) # "$v''',
                '''count(up{app=~"^(?:x|$v)$",job!="$$v"}) or vector(0)''',
            ])
        ])
        def test_criterion(criterion, gate):
            gate.check(criterion)
        """
    )
    value = HOSTILE.replace("{", "").replace("`", "")  # RE2 refuses a lone {
    code, report, checks = run(run_gate, two, *workers, "--gate-var", f"v={value}")
    assert (code, len(checks)) == (0, 3), report["sentence"]
    assert 'job!="$v"' in checks["c2"]["query"]


def test_an_undefined_variable_is_refused(
    two: Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(INLINE)
    code, report, _ = run(run_gate, two, *workers, "--gate-var", "ap=shop", "--gate-var", "team=x")
    assert code == (2 if workers else 4)
    said = "criterion 'asked': $app is not defined, did you mean 'ap'?"
    assert any(problem.startswith(said) for problem in report["problems"])


def test_rules_and_dashboard_are_narrowed(
    two: Server, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("rules", "grafana"):
        arguments = [command, "--pyargs", "gate_checks", "--gate-select", SHOP]
        assert cli.main(arguments) == 0
        text = capsys.readouterr().out
        exprs = list(_exprs(command, text))
        assert len(exprs) > 15
        for expr in exprs:
            for one in selectors(expr) or ():
                own = one.metric.startswith(("deploygate:", "deployment_gate_"))
                assert own or set(matchers(SHOP, "")) <= {
                    *(m for m in matchers(",".join(f'{k}="{v}"' for k, v in one.labels), ""))
                }


def test_a_query_that_cannot_be_narrowed_is_not_exported(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    pytester.makepyfile(
        """
        from pytest_deploygate import Criterion, gate_criteria

        @gate_criteria([Criterion(id="odd", query="up default 0", at_least=1)])
        def test_criterion(criterion, gate):
            gate.check(criterion)
        """
    )
    assert cli.main(["rules", ".", "--gate-select", SHOP]) == 2
    assert "criterion 'odd': its query cannot be narrowed" in capsys.readouterr().err


def _exprs(command: str, text: str) -> Iterator[str]:
    import yaml

    found = yaml.safe_load(text) if command == "rules" else json.loads(text)
    pending: list[Any] = [found]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from (value["expr"] for _ in [0] if isinstance(value.get("expr"), str))
            pending += value.values()
        elif isinstance(value, list):
            pending += value
