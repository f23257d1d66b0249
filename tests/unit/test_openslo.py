"""OpenSLO v1 documents: each shape of the specification is read, or refused by name and line."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from pytest_deploygate import ConfigurationError, Criterion, openslo
from pytest_deploygate.kinds.bad_events import BadEvents

METRIC = """\
metricSource:
  type: Prometheus
  spec:
    query: {}
"""
BAD = METRIC.format('sum(rate(http_requests_total{status=~"5.."}[$window]))')
TOTAL = METRIC.format("sum(rate(http_requests_total[$window]))")
COUNTER = METRIC.format("sum(http_requests_total)")


def under(key: str, text: str) -> str:
    """The text as the value of a key."""
    return f"{key}:\n{indent(text, '  ')}"


def ratio(good: str = "bad", events: str = BAD, total: str = TOTAL, more: str = "") -> str:
    """A ``spec`` of an indicator."""
    return under("ratioMetric", more + under(good, events) + under("total", total))


def slo(
    indicator: str | None = None,
    *,
    name: str = "checkout",
    window: str = "timeWindow: [{duration: 30d, isRolling: true}]\n",
    method: str = "budgetingMethod: Occurrences\n",
    objectives: str = "objectives: [{target: 0.999}]\n",
    more: str = "",
) -> str:
    """An SLO document."""
    inline = under("indicator", "metadata: {name: errors}\n" + under("spec", ratio()))
    spec = f"service: shop\n{indicator or inline}{window}{method}{objectives}{more}"
    return document("SLO", name, spec)


def document(kind: str, name: str, spec: str, version: str = "openslo/v1", more: str = "") -> str:
    """A document of any kind."""
    head = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}{more}}}\n"
    return head + (under("spec", spec) if spec else "")


def sli(name: str = "errors", spec: str = "") -> str:
    """An SLI document."""
    return document("SLI", name, spec or ratio())


def inline(spec: str) -> str:
    """An inline indicator."""
    return under("indicator", under("spec", spec))


SOURCE = document("DataSource", "prom", "type: Prometheus\n")
REFERRED = ratio(events=BAD.replace("type: Prometheus", "metricSourceRef: prom"))
BOTH = ratio(events=BAD.replace("type: P", "metricSourceRef: prom\n  type: P"))


def rated(query: str, counter: str = "counter: true\n") -> str:
    """An SLO whose bad events are this query."""
    return slo(inline(ratio(events=METRIC.format(query), more=counter)))


# How many criteria each gives.
READ = {
    "inline indicator": (slo(), 3),
    "no time window": (slo(window=""), 3),
    "weeks": (slo(window="timeWindow:\n- duration: 4w\n  isRolling: true\n"), 3),
    "targetPercent": (slo(objectives="objectives: [{targetPercent: 99.9}]\n"), 3),
    "targetPercent, whole": (slo(objectives="objectives: [{targetPercent: 99}]\n"), 3),
    "two objectives": (
        slo(objectives="objectives:\n- target: 0.99\n- displayName: Most\n  targetPercent: 99.9\n"),
        6,
    ),
    "objective with a name": (slo(objectives="objectives: [{displayName: A, target: 0.99}]\n"), 3),
    "description": (slo(more="description: What people pay for.\n"), 3),
    "no alert policies": (slo(more="alertPolicies: []\n"), 3),
    "no service": (slo().replace("  service: shop\n", ""), 3),
    "inline without metadata": (slo(inline(ratio())), 3),
    "good": (slo(inline(ratio("good"))), 3),
    "counter true": (slo(inline(ratio(more="counter: true\n"))), 3),
    "counter false": (slo(inline(ratio(more="counter: false\n"))), 3),
    "counters": (rated("sum(http_requests_total)"), 3),
    "a counter of its own": (rated("errors_total"), 3),
    "counters by label": (rated("sum by (region) (http_requests_total)"), 3),
    "a fixed range": (rated("sum(rate(http_requests_total[5m]))"), 3),
    "a fixed increase": (
        slo(
            inline(
                ratio(
                    events=METRIC.format("sum(increase(errors_total[5m]))"),
                    total=METRIC.format("sum(increase(answers_total[1h]))"),
                )
            )
        ),
        3,
    ),
    "a template": (rated('"sum(rate(http_requests_total[{{.window}}]))"'), 3),
    "a template with spaces": (rated('"sum(rate(http_requests_total[{{ .window }}]))"'), 3),
    "indicatorRef": (sli() + "---\n" + slo("indicatorRef: errors\n"), 3),
    "the SLI behind it": (slo("indicatorRef: errors\n") + "---\n" + sli(), 3),
    "an SLI that nothing uses": (slo() + "---\n" + sli("other"), 3),
    "description of an SLI": (
        slo("indicatorRef: errors\n") + "---\n" + sli(spec="description: x\n" + ratio()),
        3,
    ),
    "DataSource": (SOURCE + "---\n" + slo(inline(REFERRED)), 3),
    "DataSource behind it": (slo(inline(REFERRED)) + "---\n" + SOURCE, 3),
    "DataSource and type": (slo(inline(BOTH)) + "---\n" + SOURCE, 3),
    "Service": (slo() + "---\n" + document("Service", "shop", "description: A shop.\n"), 3),
    "Service without spec": (slo() + "---\n" + document("Service", "shop", ""), 3),
    "two SLOs": (slo() + "---\n" + slo(name="search"), 6),
    "empty documents": ("---\n" + slo() + "---\n---\n# the end\n", 3),
    "labels and annotations": (
        slo().replace(
            "{name: checkout}",
            "{name: checkout, displayName: Checkout, labels: {team: [a, b], tier: one}, "
            "annotations: {openslo.com/x: y}}",
        ),
        3,
    ),
    "JSON": (
        '{"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "checkout"}, "spec": '
        '{"indicator": {"spec": {"ratioMetric": {"bad": {"metricSource": {"type": "prometheus", '
        '"spec": {"query": "rate(bad[$window])"}}}, "total": {"metricSource": {"type": '
        '"Prometheus", "spec": {"query": "rate(all[$window])"}}}}}}, "budgetingMethod": '
        '"Occurrences", "objectives": [{"target": 0.99}]}}',
        3,
    ),
}

# What is refused: the line, and the words.
REFUSED = {
    "AlertPolicy": (
        slo() + "---\n" + document("AlertPolicy", "a", "x: y\n"),
        "kind AlertPolicy is",
    ),
    "AlertCondition": (
        slo() + "---\n" + document("AlertCondition", "a", "x: y\n"),
        "kind AlertCondition is not supported",
    ),
    "AlertNotificationTarget": (
        document("AlertNotificationTarget", "a", "target: email\n"),
        "kind AlertNotificationTarget is not supported",
    ),
    "another kind": (document("SLOs", "a", "x: y\n"), "kind SLOs is unknown, did you mean 'SLO'?"),
    "another version": (
        document("SLO", "a", "x: y\n", version="openslo/v1alpha"),
        "apiVersion openslo/v1alpha is not read; write openslo/v1",
    ),
    "v2": (document("SLO", "a", "x: y\n", version="openslo.com/v2alpha1"), "v2alpha1 is not read"),
    "no version": ("kind: SLO\n", "document: apiVersion is missing"),
    "no kind": ("apiVersion: openslo/v1\n", "document: kind is missing"),
    "no metadata": ("apiVersion: openslo/v1\nkind: SLO\n", "document: metadata is missing"),
    "no spec": (document("SLO", "a", ""), "document: spec is missing"),
    "no name": (slo().replace("{name: checkout}", "{displayName: A}"), "metadata: name is missing"),
    "a name with capitals": (slo(name="Checkout"), "name 'Checkout' is not valid"),
    "a long name": (slo(name="a" * 64), "is not valid; write up to 63"),
    "a name that is a number": (slo(name="5"), "name must be a text"),
    "a label that is a number": (
        slo().replace("{name: checkout}", "{name: checkout, labels: {tier: 1}}"),
        "tier must be a text",
    ),
    "an annotation that is a list": (
        slo().replace("{name: checkout}", "{name: checkout, annotations: {a/b: [c]}}"),
        "a/b must be a text",
    ),
    "an unknown key": (slo() + "status: {}\n", "document: status is not a key of it, known: api"),
    "an unknown key of metadata": (
        slo().replace("{name: checkout}", "{name: checkout, namespace: x}"),
        "metadata: namespace is not a key of it",
    ),
    "an unknown key of spec": (slo(more="objektives: []\n"), "did you mean 'objectives'?"),
    "an unknown key of an objective": (
        slo(objectives="objectives: [{target: 0.99, targets: 1}]\n"),
        "targets is not a key of it, did you mean 'target'?",
    ),
    "an unknown key of a query": (
        rated("errors_total\n    step: 5m"),
        "spec: step is not a key of it, known: query",
    ),
    "a key that stands twice": (slo(more="service: other\n"), "service stands twice"),
    "an SLO that stands twice": (slo() + "---\n" + slo(), "SLO checkout stands twice"),
    "no SLO": (sli(), "no document in it is of kind SLO"),
    "an empty file": ("", "no document in it is of kind SLO"),
    "a list": ("- a\n", "document must be a mapping of keys to values"),
    "no YAML": ("a: [\n", "not valid YAML"),
    "a control character": ("a: \x07\n", "not valid YAML"),
    "a tab": ("a:\n\t- b\n", "not valid YAML"),
    "Timeslices": (
        slo(method="budgetingMethod: Timeslices\n"),
        "budgetingMethod Timeslices is not supported; write Occurrences",
    ),
    "RatioTimeslices": (
        slo(method="budgetingMethod: RatioTimeslices\n"),
        "budgetingMethod RatioTimeslices is not supported; write Occurrences",
    ),
    "no method": (slo(method=""), "budgetingMethod is missing"),
    "a calendar": (
        slo(
            window="timeWindow:\n- duration: 1M\n  calendar: {startTime: 2020-01-21 12:30:00, "
            "timeZone: America/New_York}\n"
        ),
        "calendar is not supported: write a rolling window",
    ),
    "not rolling": (
        slo(window="timeWindow: [{duration: 30d, isRolling: false}]\n"),
        "isRolling: false is not supported",
    ),
    "rolling or not": (slo(window="timeWindow: [{duration: 30d}]\n"), "isRolling is missing"),
    "a month": (
        slo(window="timeWindow: [{duration: 1M, isRolling: true}]\n"),
        "duration 1M is not supported; write whole m, h, d or w",
    ),
    "a quarter": (slo(window="timeWindow: [{duration: 1Q, isRolling: true}]\n"), "duration 1Q"),
    "a year": (slo(window="timeWindow: [{duration: 1Y, isRolling: true}]\n"), "duration 1Y"),
    "an hour": (
        slo(window="timeWindow: [{duration: 1h, isRolling: true}]\n"),
        "period is '1h'; write 3 days to 366 days",
    ),
    "no duration": (slo(window="timeWindow: [{isRolling: true}]\n"), "duration is missing"),
    "two time windows": (
        slo(
            window="timeWindow: [{duration: 30d, isRolling: true}, {duration: 7d, isRolling: "
            "true}]\n"
        ),
        "timeWindow has 2 items; write one",
    ),
    "an empty time window": (slo(window="timeWindow: []\n"), "timeWindow has 0 items; write one"),
    "a time window that is no list": (
        slo(window="timeWindow: {duration: 30d, isRolling: true}\n"),
        "timeWindow must be a list",
    ),
    "no objectives": (slo(objectives=""), "objectives is missing"),
    "empty objectives": (slo(objectives="objectives: []\n"), "objectives is empty"),
    "op": (slo(objectives="objectives: [{target: 0.99, op: lte}]\n"), "op is not supported"),
    "value": (slo(objectives="objectives: [{target: 0.99, value: 1}]\n"), "value is not supported"),
    "timeSliceTarget": (
        slo(objectives="objectives: [{target: 0.99, timeSliceTarget: 0.9}]\n"),
        "timeSliceTarget is not supported",
    ),
    "timeSliceWindow": (
        slo(objectives="objectives: [{target: 0.99, timeSliceWindow: 1m}]\n"),
        "timeSliceWindow is not supported",
    ),
    "compositeWeight": (
        slo(objectives="objectives: [{target: 0.99, compositeWeight: 2}]\n"),
        "compositeWeight is not supported",
    ),
    "an indicator of an objective": (
        slo(objectives="objectives: [{target: 0.99, indicatorRef: errors}]\n"),
        "indicatorRef of an objective is not supported",
    ),
    "an inline indicator of an objective": (
        slo(objectives="objectives: [{target: 0.99, indicator: {}}]\n"),
        "indicator of an objective is not supported",
    ),
    "no target": (
        slo(objectives="objectives: [{displayName: A}]\n"),
        "give one of target, targetP",
    ),
    "both targets": (
        slo(objectives="objectives: [{target: 0.99, targetPercent: 99}]\n"),
        "give one of target, targetPercent; given: target and targetPercent",
    ),
    "a target of 0": (slo(objectives="objectives: [{target: 0.0}]\n"), "objective is 0.0; write"),
    "a target of 1": (slo(objectives="objectives: [{target: 1}]\n"), "objective is 1.0; write"),
    "a target of 99": (slo(objectives="objectives: [{target: 99}]\n"), "objective is 99.0; write"),
    "a target that is a text": (
        slo(objectives="objectives: [{target: '0.99'}]\n"),
        "target must be a number",
    ),
    "an infinite target": (
        slo(objectives="objectives: [{target: .inf}]\n"),
        "target is .inf; write",
    ),
    "a target that no alert can miss": (
        slo(objectives="objectives: [{target: 0.9}]\n"),
        "no alert would fire",
    ),
    "alert policies": (
        slo(more="alertPolicies:\n- alertPolicyRef: a\n"),
        "alertPolicies is not supported",
    ),
    "both indicators": (
        slo(inline(ratio()) + "indicatorRef: errors\n"),
        "give one of indicator, indicatorRef; given: indicator and indicatorRef",
    ),
    "no indicator": (slo("description: x\n"), "given: none"),
    "an indicator that is not there": (
        sli() + "---\n" + slo("indicatorRef: error\n"),
        "indicatorRef error is not an SLI of this file, did you mean 'errors'?",
    ),
    "an indicator without spec": (slo("indicator: {metadata: {name: a}}\n"), "spec is missing"),
    "an inline indicator with a bad name": (
        slo(inline(ratio()) + "  metadata: {name: A}\n"),
        "name 'A' is not valid",
    ),
    "a threshold metric": (
        slo(inline(under("thresholdMetric", BAD))),
        "thresholdMetric is not supported: write a ratioMetric",
    ),
    "a threshold metric that nothing uses": (
        slo() + "---\n" + sli("other", under("thresholdMetric", BAD)),
        "thresholdMetric is not supported",
    ),
    "no ratio": (slo(inline("description: x\n")), "ratioMetric is missing"),
    "raw": (
        slo(inline(under("ratioMetric", "rawType: success\n" + under("raw", BAD)))),
        "rawType is not supported",
    ),
    "raw alone": (slo(inline(under("ratioMetric", under("raw", BAD)))), "raw is not supported"),
    "good and bad": (
        slo(inline(under("ratioMetric", under("good", BAD) + under("bad", BAD)))),
        "give one of bad, good; given: bad and good",
    ),
    "neither good nor bad": (
        slo(inline(under("ratioMetric", under("total", TOTAL)))),
        "give one of bad, good; given: none",
    ),
    "no total": (slo(inline(under("ratioMetric", under("bad", BAD)))), "total is missing"),
    "counter that is a text": (
        slo(inline(ratio(more="counter: 'true'\n"))),
        "counter must be true or false",
    ),
    "another source": (
        slo(inline(ratio(events=BAD.replace("Prometheus", "Datadog")))),
        "type Datadog is not supported; write Prometheus",
    ),
    "another DataSource": (
        slo() + "---\n" + document("DataSource", "dog", "type: Datadog\n"),
        "type Datadog is not supported",
    ),
    "a DataSource without type": (
        slo() + "---\n" + document("DataSource", "dog", "description: x\n"),
        "type is missing",
    ),
    "details of a connection": (
        slo() + "---\n" + document("DataSource", "p", "type: Prometheus\nconnectionDetails: {}\n"),
        "connectionDetails is not supported: the gate asks the server of --prometheus-url",
    ),
    "a DataSource that is not there": (
        slo(inline(REFERRED)),
        "metricSourceRef prom is not a DataSource of this file",
    ),
    "no source": (
        slo(inline(ratio(events=BAD.replace("  type: Prometheus\n", "")))),
        "metricSource has no type; write type: Prometheus",
    ),
    "no metric source": (slo(inline(ratio(events="x: y\n"))), "x is not a key of it"),
    "no query": (slo(inline(ratio(events=BAD.replace("query: ", "promql: ")))), "promql is not a"),
    "an empty query": (slo(inline(ratio(events=METRIC.format("''")))), "it is not PromQL"),
    "no PromQL": (rated("sum(rate("), "it is not PromQL"),
    "another language": (rated('"sum:trace.http.hits{*}.as_count()"'), "it is not PromQL"),
    "no PromQL with a window": (rated("sum(rate(x[$window])"), "it is not PromQL"),
    "a gauge": (rated("errors", "counter: false\n"), "it has no range, and counter is not true"),
    "a counter that is not said to be one": (rated("errors_total", ""), "counter is not true"),
    "the highest counter": (rated("max(errors_total)"), "it is not a counter or a sum of one"),
    "a counter of earlier": (rated("sum(errors_total offset 1h)"), "it is not a counter or a sum"),
    "an average": (rated("avg_over_time(errors[5m])"), "looks back by more than rate and increase"),
    "a subquery": (rated("sum(rate(errors_total[5m:1m]))"), "looks back by more than rate"),
    "ranges that differ": (
        rated("rate(a_total[5m]) + rate(b_total[1h])"),
        "its ranges differ; write [$window]",
    ),
    "a rate of an increase": (
        slo(inline(ratio(events=METRIC.format("sum(increase(errors_total[5m]))")))),
        "one of bad and total has rate(), the other increase()",
    ),
    "a good rate of a total increase": (
        slo(inline(ratio("good", events=METRIC.format("sum(increase(errors_total[5m]))")))),
        "one of good and total has rate(), the other increase()",
    ),
}


def write(directory: Path, text: str) -> Path:
    """A file of this text."""
    path = directory / "slo.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "count"), READ.values(), ids=list(READ))
def test_a_document_that_is_supported_is_read(text: str, count: int, tmp_path: Path) -> None:
    found = openslo(write(tmp_path, text))
    assert len(found) == len({one.id for one in found}) == count
    for one in found:
        assert isinstance(one.kind, BadEvents)
        assert "$window" in one.query
        assert "$window" in one.kind.total


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_not_supported_is_refused_by_name_and_line(
    text: str, words: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        openslo(path)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert str(path) in message
    if "no document in it" not in message and "control" not in message:
        line = message.removeprefix(f"{path}:").partition(":")[0]
        if line.strip().isdigit():
            assert 1 <= int(line) <= text.count("\n") + 1
        else:
            assert "character" in message, message


@pytest.mark.parametrize(
    ("name", "line"),
    [("AlertPolicy", 26), ("Timeslices", 18), ("op", 19), ("a fixed line", 14)],
)
def test_the_line_is_that_of_what_is_refused(name: str, line: int, tmp_path: Path) -> None:
    text = rated("avg_over_time(x[5m])") if name == "a fixed line" else REFUSED[name][0]
    words = {"a fixed line": "query: avg", "AlertPolicy": "kind: Alert", "op": "op: lte"}
    wanted = words.get(name, "budgetingMethod")
    [expected] = [n for n, one in enumerate(text.splitlines(), 1) if wanted in one]
    with pytest.raises(ConfigurationError, match=f"slo.yaml:{expected}: "):
        openslo(write(tmp_path, text))


@pytest.mark.parametrize("path", [None, 3, b"slo.yaml"])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(ConfigurationError, match="write the path of a file, such as"):
        openslo(path)  # type: ignore[arg-type]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read: .*No such file"):
        openslo(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        openslo(tmp_path / "bytes.yaml")


def one(text: str, tmp_path: Path) -> Criterion:
    """The first criterion of a file."""
    return openslo(write(tmp_path, text))[0]


def test_good_events_become_bad_ones(tmp_path: Path) -> None:
    """Without a good series every event is bad."""
    found = one(
        slo(inline(ratio("good", METRIC.format("good_total"), COUNTER, "counter: true\n"))),
        tmp_path,
    )
    total = "(sum(rate(http_requests_total[$window])))"
    assert found.query == f"{total} - (rate(good_total[$window])) or {total}"


@pytest.mark.parametrize(
    ("query", "read"),
    [
        (
            'sum(x_total{code=~"2..|3..",job="a"})',
            'sum(rate(x_total{code=~"2..|3..",job="a"}[$window]))',
        ),
        ("sum by (a, b) (x_total)", "sum by (a, b) (rate(x_total[$window]))"),
        ("sum without (a) (sum(x_total))", "sum without (a) (sum(rate(x_total[$window])))"),
        ('sum(rate(x_total{a="[5m]"}[5m])) # [1h]', 'sum(rate(x_total{a="[5m]"}[$window])) # [1h]'),
        ("sum(rate(x_total[ 5m ]))", "sum(rate(x_total[$window]))"),
    ],
)
def test_how_queries_are_read(query: str, read: str, tmp_path: Path) -> None:
    assert one(rated(f"'{query}'"), tmp_path).query == read


def test_titles_and_ids(tmp_path: Path) -> None:
    text = slo(
        objectives="objectives: [{targetPercent: 99.95}, {target: 0.99, displayName: Rest}]\n"
    )
    text = text.replace("{name: checkout}", "{name: checkout, displayName: Checkout}")
    found = openslo(write(tmp_path, text))
    assert [(one.id, one.title) for one in found[::3]] == [
        ("checkout_1_fast_burn", "Checkout: 99.95 %: fast burn"),
        ("checkout_2_fast_burn", "Checkout: Rest: fast burn"),
    ]
    kinds = [one.kind for one in found[::3]]
    assert [kind.objective for kind in kinds if isinstance(kind, BadEvents)] == [0.9995, 0.99]
