"""The HTML page as text: what is on it, in which order, and what can never be."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pytest_deploygate.core.context import Context
from pytest_deploygate.core.report import ActionResult, ActionStatus, Change, SourceInfo
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.html import render
from pytest_deploygate.reports.links import graph_link
from tests.made import ERROR, FAILED, RECORDING, SERVER, measured, report, result
from tests.unit.pages import Page, hostile_report, page


@pytest.mark.parametrize(
    ("verdict", "results", "advice"),
    [
        (Verdict.GO, [result()], "Go ahead"),
        (
            Verdict.WARNING,
            [result(status=Status.WARNING, reason=Reason.BREACH)],
            "Review before deploying",
        ),
        (Verdict.NO_GO, [result(**FAILED)], "Deployment blocked"),
    ],
)
def test_the_verdict_and_what_to_do_come_first(
    verdict: Verdict, results: list[Result], advice: str
) -> None:
    given = report(*results)
    made = page(given)
    assert given.verdict is verdict
    assert made.titles["h1"] == [verdict.label]
    assert made.titles["header"][1:] == [verdict.label, advice, given.sentence]
    assert made.titles["title"] == [f"{verdict.label} · deployment gate"]


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"problems": ("gw0 crashed",)}, "No verdict was reached: deployment blocked"),
        ({"source": RECORDING}, "Replayed from a recording: says nothing about now"),
        ({"partial": "3 checks"}, "Passed, but not everything was checked"),
        (
            {"verdict": Verdict.NO_GO, "advisory": True},
            "This would block, but the run is advisory",
        ),
    ],
)
def test_nobody_is_sent_ahead_by_a_run_that_does_not_say_so(
    changes: dict[str, Any], advice: str
) -> None:
    header = page(report(result(), **changes)).titles["header"]
    assert advice in header
    assert "Go ahead" not in header


def test_the_bad_checks_come_before_the_good_ones() -> None:
    statuses = [Status.GO, Status.SKIPPED, Status.NO_GO, Status.WAIVED, Status.WARNING]
    made = page(report(*(result(id=s, name=f"a {s} check", status=s) for s in statuses)))
    order = [text for text in made.texts if re.fullmatch(r"a \w+ check", text)]
    shown = list(dict.fromkeys(order))
    assert shown == [f"a {s} check" for s in ("NO_GO", "WARNING", "WAIVED", "SKIPPED", "GO")]
    assert made.titles["h2"][::2] == ["NO-GO", "WARNING", "WAIVED", "SKIPPED", "GO"]


def test_a_failed_check_shows_each_fact_once() -> None:
    failed = measured(
        2.0, 3.0, **FAILED, message="p95 3.00 s, limit 2.50 s (mode=fast)", failing=2, total=4
    )
    made = page(report(failed))
    for text in (
        failed.query,
        failed.message,
        "critical",
        "limit not kept",
        "4 series were judged, 2 did not pass.",
        failed.nodeid,
    ):
        assert text in made.texts, text
    assert "figure" in made.titles
    assert made.with_class("labels") == made.with_class("bar") == []
    assert not [text for text in made.texts if "limit < " in text]


def test_what_a_message_does_not_say_stands_beside_it() -> None:
    """A kind of a user's explains what it likes."""
    failed = measured(2.0, 3.0, **FAILED, message="the queues are not balanced")
    made = page(report(failed))
    assert "3.00 s, limit < 2.50 s" in made.texts
    assert made.with_class("labels") == ["ul"]
    assert {"mode=", "fast"} <= set(made.texts)


def test_a_part_of_a_longer_fact_says_nothing() -> None:
    """Neither 12.50 s nor 13.00 s are the value and the limit, nor is fast-lane the series."""
    message = "13.00 s of 12.50 s in the queues (mode=fast-lane)"
    made = page(report(measured(2.0, 3.0, **FAILED, message=message)))
    assert "3.00 s, limit < 2.50 s" in made.texts
    assert {"mode=", "fast"} <= set(made.texts)


def test_failures_of_one_family_share_a_card_and_keep_their_own_charts() -> None:
    named = {"cart": 3.0, "mail": 4.0, "shop": 2.6}
    failed = [
        measured(2.0, value, **FAILED, id=f"p95[{name}]", name=f"p95 [{name}]")
        for name, value in named.items()
    ]
    passed = [result(id=f"p95[{n}]", name=f"p95 [{n}]") for n in range(7)]
    other = measured(2.0, 9.0, **FAILED, id="errors", name="Errors")
    made = page(report(*passed, *failed, other))
    assert made.titles["h3"] == ["Errors", "p95", "3 of 10"]
    assert made.titles["h4"] == ["mail", "cart", "shop"]
    assert len(made.with_class("plot")) == 4
    assert made.with_class("family") == ["ul"]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "p95[b]", "severity": Severity.WARNING},
        {"id": "p95[b]", "reason": Reason.NO_DATA},
        {"id": "p95[b]", "value": None},
        {"id": "p99[b]"},
        {"id": "p95"},
    ],
)
def test_failures_that_are_not_alike_have_cards_of_their_own(change: dict[str, Any]) -> None:
    failed = result(**FAILED, id="p95[a]", name="p95 [a]")
    other = failed._replace(name="other", **change)
    assert len(page(report(failed, other)).with_class("check")) == 2


def test_commit_version_and_pipeline_stand_beside_the_verdict() -> None:
    known = Context(commit="4f2c9d1a77bce", ref="main", version="2.14.0", pipeline="https://ci/1")
    header = page(report(result(), context=known)).titles["header"]
    assert {"4f2c9d1a77bc (main)", "2.14.0", "https://ci/1"} <= set(header)


def test_measured_bad_no_data_and_not_measured_are_different_words() -> None:
    reasons = [Reason.BREACH, Reason.NO_DATA, Reason.ERROR]
    failed = [result(id=r, status=Status.NO_GO, reason=r, message=r) for r in reasons]
    made = page(report(*failed))
    words = [t for t in made.texts if t in ("limit not kept", "no data", "could not be measured")]
    assert words == ["limit not kept", "could not be measured", "no data"]


def test_a_freeze_and_what_is_waived_have_words_of_their_own() -> None:
    freeze = result(id="freeze[Quarter end]", nodeid="", query="", **FAILED)
    in_part = result(id="in part", waived=Reason.BREACH, **FAILED)
    whole = result(id="whole", status=Status.WAIVED, waived=Reason.BREACH)
    made = page(report(freeze, in_part, whole))
    words = ("change freeze", "limit not kept", "partly waived", "WAIVED", "Query", "Check")
    assert [text.strip() for text in made.texts if text.strip() in words] == [
        "WAIVED",
        *("change freeze", "Check"),
        *("limit not kept", "partly waived", "Query"),
        "WAIVED",
        "WAIVED",
    ]


def test_a_slope_is_told_per_hour() -> None:
    values = [10.0 - 0.01 * n for n in range(121)]
    trend = measured(*values, value=-0.6, threshold=0.0, comparison="≥", unit="", **FAILED)
    assert "-0.6 per hour, limit ≥ 0 per hour" in page(report(trend)).texts


def test_all_that_must_be_known_to_trust_a_run_is_told() -> None:
    made = page(
        report(
            result(),
            verdict=Verdict.NO_GO,
            problems=("first problem", "second problem"),
            blind="it saw nothing",
            notices=("the clock is wrong",),
            partial="3 checks were deselected",
            environment="production",
            changes=(Change(name="p95_max", value="3", default="2.5", origin="gate.toml [env.x]"),),
            actions=(ActionResult(name="roll back", kind="command", status=ActionStatus.FAILED),),
            source=RECORDING,
        )
    )
    for text in (
        "first problem",
        "second problem",
        "it saw nothing",
        "the clock is wrong",
        "not everything was checked: 3 checks were deselected",
        "production",
        "judged from evidence.json, not from a server",
        "2026-09-21 14:13:20 UTC",
        "roll back",
        "failed",
    ):
        assert text in made.texts, text
    assert made.titles["td"] == ["3", "2.5", "gate.toml [env.x]"]


def test_an_advisory_run_says_what_it_ends_in() -> None:
    made = page(report(result(**FAILED), advisory=True))
    assert "the run ends in 0 instead of 2: it blocks nothing" in made.texts


def test_a_run_without_any_check_has_a_page() -> None:
    made = page(report(verdict=Verdict.NO_GO, problems=("nothing was collected",)))
    assert "nothing was collected" in made.texts


def test_checks_that_cannot_be_measured_for_one_reason_are_told_once() -> None:
    failed = [result(id=f"c{n}", name=f"Check {n}", **ERROR) for n in range(5)]
    other = result(id="other", name="Other", **{**ERROR, "severity": Severity.WARNING})
    made = page(report(*failed, other))
    assert made.texts.count("The same holds for 4 more:") == 1
    assert all(f"Check {n}" in made.texts for n in range(5))
    assert len(made.with_class("check")) == 2


def test_measured_values_are_never_told_as_one() -> None:
    failed = [result(id=f"c{n}", value=3.0 + n, message="too slow", **FAILED) for n in range(5)]
    assert len(page(report(*failed)).with_class("check")) == 5


def test_of_thousands_every_failure_is_named_and_the_rest_counted() -> None:
    failing = [result(id=f"f{n}", name=f"Bad {n}", **FAILED) for n in range(1500)]
    passing = [result(id=f"g{n}", name=f"Good {n}") for n in range(5000)]
    made = page(report(*passing, *failing))
    assert all(f"Bad {n}" in made.texts for n in range(1500))
    assert "5,000" in made.texts
    assert sum(text.startswith("Good ") for text in made.texts) == 500
    assert "4,500 more, which the other reports list." in made.texts
    assert len(made.with_class("check")) == 100


def test_a_list_that_is_cut_says_of_how_many_it_is_the_first_part() -> None:
    passing = [result(id=f"g{n}", name=f"Good {n}") for n in range(6435)]
    failing = [result(id=f"f{n}", name=f"Bad {n}", **FAILED) for n in range(120)]
    assert page(report(*passing, *failing)).titles["caption"] == [
        "20 more",
        "The first 500 of 6,435",
    ]
    assert page(report(*passing[:400])).titles["caption"] == ["All 400"]


def test_of_a_status_for_which_no_room_is_left_nothing_is_called_more() -> None:
    skipped = [result(id=f"s{n}", status=Status.SKIPPED) for n in range(500)]
    made = page(report(*skipped, *(result(id=f"g{n}") for n in range(70))))
    assert "70, which the other reports list." in made.texts


@pytest.mark.parametrize(("count", "named"), [(21, 20), (22, 20), (6499, 20)])
def test_a_reason_that_thousands_share_names_the_first(count: int, named: int) -> None:
    down = [result(id=f"c{n}", name=f"Check {n}", **ERROR) for n in range(count)]
    made = page(report(*down))
    assert f"The same holds for {count - 1:,} more:" in made.texts
    assert len(made.with_class("alike")) == 1
    assert sum(bool(re.fullmatch(r"Check \d+", text)) for text in made.titles["li"]) == named
    left = f"and {count - 1 - named:,} more, which the other reports list."
    assert (left in made.texts) is (count > 21)


def test_of_many_that_failed_there_is_a_list_that_leads_to_each() -> None:
    failing = [result(id=f"f{n}", name=f"Bad {n}", **FAILED) for n in range(15)]
    doubtful = [result(Status.WARNING, id=f"w{n}", name=f"Odd {n}") for n in range(6)]
    made = page(report(result(), *doubtful, *failing))
    links = [url for url in made.values("href") if url.startswith("#check-")]
    assert links == [f"#check-{n}" for n in range(1, 22)]
    assert made.with_class("index") == ["nav"]
    assert "Bad 0" in made.titles["nav"]
    assert "Odd 5" in made.titles["nav"]
    assert "of 21" not in made.text
    assert page(report(result(), *doubtful, *failing[:14])).with_class("index") == []


def test_the_list_of_what_failed_says_of_how_many_it_is_the_first_part() -> None:
    failing = [result(id=f"f{n}", name=f"Bad {n}", **FAILED) for n in range(1500)]
    assert "the first 100 of 1,500" in page(report(*failing)).titles["nav"]


def test_of_many_that_failed_the_families_are_counted() -> None:
    failing = [result(id=f"s{n % 2}[{n}]", **FAILED) for n in range(60)]
    passing = [result(id=f"s{n % 2}[{n}]") for n in range(60, 1000)]
    assert "s0: 30 of 500; s1: 30 of 500" in page(report(*passing, *failing)).texts


def test_of_some_hundreds_all_are_listed() -> None:
    made = page(report(*(result(id=f"g{n}", name=f"Good {n}") for n in range(500))))
    assert {f"Good {n}" for n in range(500)} <= set(made.texts)
    assert "more, which the other reports list." not in made.text


def test_nothing_can_execute_or_be_fetched() -> None:
    html = render(hostile_report())
    made = Page(html)
    policy = next(a["content"] for t, a in made.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "script" not in policy
    assert not {"script", "img", "iframe", "object", "form", "base"} & {t for t, _ in made.tags}
    assert not [name for _, attrs in made.tags for name in attrs if name.startswith("on")]
    assert not [u for u in made.values("href") if not u.startswith(("#", "data:image/svg+xml,"))]
    assert made.values("src") == []
    assert not re.search(r"url\((?!#)|@import", html)


def test_text_from_outside_is_shown_whole_and_harmless() -> None:
    html = render(hostile_report())
    made = Page(html)
    assert "{{ 7*7 }}{% raw %}\\u202egnp.exe\\u2066\\x00\\x1b[31m\\ud800&lt;" in made.text
    assert "<script>alert(1)</script></style></title>]]>-->" in made.text
    assert not set("\u202e\u2066\x00\x1b\ud800") & set(html)
    html.encode("utf-8")


def test_a_page_is_well_formed_and_its_ids_are_unique() -> None:
    for given in (hostile_report(), report(measured(1.0, 3.0, **FAILED), measured(1.0, 2.0))):
        made = page(given)
        ids = made.values("id")
        assert len(ids) == len(set(ids))
        targets = [url[1:] for url in made.values("href") if url.startswith("#")]
        assert set(targets) | set(made.values("aria-labelledby")) <= set(ids)


def test_every_picture_is_hidden_from_screen_readers_and_told_in_words() -> None:
    made = page(report(measured(1.0, 3.0, **FAILED), measured(1.0, 2.0)))
    pictures = [attrs for tag, attrs in made.tags if tag == "svg" and "role" not in attrs]
    plots = len(made.with_class("plot"))
    assert sum(attrs.get("aria-hidden") == "true" for attrs in pictures) == len(pictures) - plots
    assert len(made.titles["figcaption"]) == plots == 2


def test_the_link_opens_the_query_in_the_servers_graph_at_the_time_it_was_judged() -> None:
    parts = urlsplit(graph_link(SERVER, result(query='sum(rate(x{a="b&c"}[5m]))\n > 0')))
    assert (parts.scheme, parts.netloc, parts.path) == (
        "https",
        "prometheus.example.com",
        "/base/graph",
    )
    assert parse_qs(parts.query) == {
        "g0.expr": ['sum(rate(x{a="b&c"}[5m]))\n > 0'],
        "g0.tab": ["0"],
        "g0.range_input": ["2h"],
        "g0.end_input": ["2026-09-21 14:13:20"],
        "g0.moment_input": ["2026-09-21 14:13:20"],
    }
    assert parts.query.startswith("g0.expr=")
    assert "+" not in parts.query


@pytest.mark.parametrize(
    "location",
    [
        "javascript:alert(1)",
        "JaVaScRiPt://prometheus/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//prometheus.example.com",
        "prometheus.example.com:9090",
        "https://user:password@prometheus.example.com",
        "http://[::1",
        "http://",
        "",
    ],
)
def test_what_is_no_plain_server_is_no_link(location: str) -> None:
    assert graph_link(SourceInfo(kind="prometheus", location=location), result()) == ""


def test_a_recording_and_a_check_without_a_query_have_no_link() -> None:
    recorded = SourceInfo(kind="recording", location="http://prometheus.example.com")
    assert graph_link(recorded, result()) == ""
    assert graph_link(SERVER, result(query="")) == ""


@pytest.mark.parametrize("moment", [1e12, -1e12, 1e300, math.inf, math.nan])
def test_a_time_that_no_calendar_has_is_no_link(moment: float) -> None:
    assert graph_link(SERVER, result(timestamp=moment)) == ""


def test_a_link_cannot_break_out_of_its_attribute() -> None:
    location = 'http://prometheus.example.com/"><script>alert(1)</script>'
    made = page(report(result(**FAILED), source=SourceInfo(kind="prometheus", location=location)))
    assert "script" not in {tag for tag, _ in made.tags}
