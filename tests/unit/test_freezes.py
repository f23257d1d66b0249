"""When nothing may be deployed: fixed and weekly freezes, and both changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.config.file import load
from pytest_deploygate.config.freezes import freezes
from pytest_deploygate.config.layers import merge
from pytest_deploygate.config.mistakes import unknown_names
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.engine.conclusion import RunFacts, conclude
from pytest_deploygate.engine.findings import Findings
from pytest_deploygate.engine.freezes import judged
from tests.made import END, SERVER, result

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def frozen(table: dict[str, Any], moment: str | float) -> Result:
    """The result of one freeze at a time."""
    given = {"name": "x", **table}
    [found] = judged(freezes([given], Path()), moment if isinstance(moment, float) else at(moment))
    return found


BLACK_FRIDAY = {
    "name": "Black Friday",
    "from": datetime.fromisoformat("2026-11-27T00:00:00+01:00"),
    "to": datetime.fromisoformat("2026-11-30T23:59:59+01:00"),
}


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-11-26T22:59:59Z", False),
        ("2026-11-26T23:00:00Z", True),
        ("2026-11-30T22:59:58Z", True),
        ("2026-11-30T22:59:59Z", False),
    ],
)
def test_from_is_included_and_to_is_not(moment: str, holds: bool) -> None:
    found = frozen(BLACK_FRIDAY, moment)
    assert (found.id, found.status is Status.NO_GO) == ("freeze[Black Friday]", holds)
    assert found.reason == ("breach" if holds else "ok")


def test_the_message_says_until_when_and_what_comes_next() -> None:
    zoned = {**BLACK_FRIDAY, "timezone": BERLIN}
    assert frozen(zoned, "2026-11-28T12:00:00Z").message == (
        "change freeze Black Friday until Mon 30 Nov, 23:59 (Europe/Berlin)"
    )
    assert "23:59 (UTC+01:00)" in frozen(BLACK_FRIDAY, "2026-11-28T12:00:00Z").message
    assert frozen(zoned, "2026-11-20T00:00:00+01:00").message == (
        "no change freeze now; the next one begins Fri 27 Nov, 00:00 (Europe/Berlin)"
    )
    assert (
        frozen(zoned, "2026-11-19T12:00:00Z").message == "no change freeze now, none within a week"
    )
    assert (
        frozen(zoned, "2027-11-19T12:00:00Z").message == "no change freeze now, none within a week"
    )
    turn = {"from": "2026-12-23T00:00:00Z", "to": "2027-01-02T00:00:00Z"}
    assert frozen(turn, "2026-12-24T00:00:00Z").message.endswith(
        "until Sat 2 Jan 2027, 00:00 (UTC)"
    )


# The last instant before a freeze and its first, its last and the first after it, in UTC. The
# zones' rules: Berlin springs forward at 01:00 UTC on 29 March 2026 and back at 01:00 UTC on
# 25 October, New York at 07:00 UTC on 8 March and 06:00 UTC on 1 November, Lord Howe by half an
# hour at 15:30 UTC on 3 October and back at 15:00 UTC on 4 April.
CLOCKS = [
    # a boundary that does not exist: 02:30 is skipped, it may mean 01:30 or 03:30
    (BERLIN, "2026-03-29T02:30:00", "2026-03-29T12:00:00", "00:30 29 Mar", "10:00 29 Mar"),
    (BERLIN, "2026-03-28T12:00:00", "2026-03-29T02:30:00", "11:00 28 Mar", "01:30 29 Mar"),
    (NEW_YORK, "2026-03-08T02:30:00", "2026-03-08T12:00:00", "06:30 8 Mar", "16:00 8 Mar"),
    (NEW_YORK, "2026-03-07T12:00:00", "2026-03-08T02:30:00", "17:00 7 Mar", "07:30 8 Mar"),
    (LORD_HOWE, "2026-10-04T02:15:00", "2026-10-04T12:00:00", "15:15 3 Oct", "01:00 4 Oct"),
    (LORD_HOWE, "2026-10-03T12:00:00", "2026-10-04T02:15:00", "01:30 3 Oct", "15:45 3 Oct"),
    # a boundary that exists twice: the first as a beginning, the second as an end
    (BERLIN, "2026-10-25T02:30:00", "2026-10-25T12:00:00", "00:30 25 Oct", "11:00 25 Oct"),
    (BERLIN, "2026-10-24T12:00:00", "2026-10-25T02:30:00", "10:00 24 Oct", "01:30 25 Oct"),
    (NEW_YORK, "2026-11-01T01:30:00", "2026-11-01T12:00:00", "05:30 1 Nov", "17:00 1 Nov"),
    (NEW_YORK, "2026-10-31T12:00:00", "2026-11-01T01:30:00", "16:00 31 Oct", "06:30 1 Nov"),
    (LORD_HOWE, "2026-04-05T01:45:00", "2026-04-05T12:00:00", "14:45 4 Apr", "01:30 5 Apr"),
    (LORD_HOWE, "2026-04-04T12:00:00", "2026-04-05T01:45:00", "01:00 4 Apr", "15:15 4 Apr"),
    # boundaries that exist once, around a change
    (BERLIN, "2026-03-29T01:59:59", "2026-03-29T03:00:00", "00:59:59 29 Mar", "01:00 29 Mar"),
    (NEW_YORK, "2026-11-01T00:59:59", "2026-11-01T02:00:00", "04:59:59 1 Nov", "07:00 1 Nov"),
]


def utc(text: str) -> float:
    clock, rest = text.split(" ", 1)
    clock = clock if clock.count(":") == 2 else f"{clock}:00"
    return (
        datetime.strptime(f"{clock} {rest} 2026", "%H:%M:%S %d %b %Y")
        .replace(tzinfo=UTC)
        .timestamp()
    )


@pytest.mark.parametrize(("zone", "begin", "end", "first", "after"), CLOCKS)
@pytest.mark.parametrize("is_text", [False, True])
def test_at_a_change_of_clocks_a_freeze_is_the_longer_one(
    zone: str, begin: str, end: str, first: str, after: str, is_text: bool
) -> None:
    times: dict[str, Any] = {"from": begin, "to": end}
    if not is_text:  # TOML has times of its own
        times = {name: datetime.fromisoformat(text) for name, text in times.items()}
    table = {**times, "timezone": zone}
    held = [
        frozen(table, moment).status is Status.NO_GO
        for moment in (utc(first) - 1, utc(first), utc(after) - 1, utc(after))
    ]
    assert held == [False, True, True, False]


WEEKEND = "fri 16:00 - mon 08:00"
WEEKLY = [
    # an ordinary weekend, and the ones with the changes: 65, 63 and 64 hours apart in UTC
    (BERLIN, WEEKEND, "14:00 19 Jun", "06:00 22 Jun"),
    (BERLIN, WEEKEND, "15:00 27 Mar", "06:00 30 Mar"),
    (BERLIN, WEEKEND, "14:00 23 Oct", "07:00 26 Oct"),
    (NEW_YORK, WEEKEND, "21:00 6 Mar", "12:00 9 Mar"),
    (NEW_YORK, WEEKEND, "20:00 30 Oct", "13:00 2 Nov"),
    (LORD_HOWE, WEEKEND, "05:00 3 Apr", "21:30 5 Apr"),
    (LORD_HOWE, WEEKEND, "05:30 2 Oct", "21:00 4 Oct"),
    # a boundary within the change
    (BERLIN, "sun 02:30 - sun 12:00", "00:30 29 Mar", "10:00 29 Mar"),
    (BERLIN, "sat 12:00 - sun 02:30", "10:00 24 Oct", "01:30 25 Oct"),
    (LORD_HOWE, "sun 01:45 - sun 12:00", "14:45 4 Apr", "01:30 5 Apr"),
    # within a day, and the whole day
    (BERLIN, "Wed 9:00 - wed 17:30", "07:00 17 Jun", "15:30 17 Jun"),
    (BERLIN, "sat 00:00-sat 24:00", "22:00 19 Jun", "22:00 20 Jun"),
    # nearly the whole week, over its end
    (BERLIN, "mon 08:00 - mon 07:00", "06:00 15 Jun", "05:00 22 Jun"),
]


@pytest.mark.parametrize(("zone", "weekly", "first", "after"), WEEKLY)
def test_a_weekly_freeze_is_of_local_time(zone: str, weekly: str, first: str, after: str) -> None:
    table = {"weekly": weekly, "timezone": zone, "severity": "warning"}
    held = [
        frozen(table, moment).status is Status.WARNING
        for moment in (utc(first) - 1, utc(first), utc(after) - 1, utc(after))
    ]
    assert held == [False, True, True, False]


def test_a_weekly_freeze_holds_in_every_week_and_names_the_next() -> None:
    table = {"name": "weekend", "weekly": WEEKEND, "timezone": BERLIN}
    for hour in range(0, 366 * 24):
        moment = at("2026-01-01T00:00:00Z") + hour * 3600.0
        local = datetime.fromtimestamp(moment, freezes([table], Path())[0].zone)  # type: ignore[union-attr]
        clock = local.weekday() * 24 + local.hour
        assert (frozen(table, moment).status is Status.NO_GO) is (clock >= 112 or clock < 8)
    found = frozen(table, "2026-11-24T12:00:00Z")
    assert (
        found.message
        == "no change freeze now; the next one begins Fri 27 Nov, 16:00 (Europe/Berlin)"
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "freezes.x: give from and to, or weekly, or calendar"),
        ({"from": "2026-11-27T00:00:00Z"}, "freezes.x: give from and to, or weekly"),
        ({"weekly": WEEKEND, "calendar": "x.ics"}, "freezes.x: give from and to, or weekly"),
        ({"weekly": WEEKEND}, "freezes.x: has no timezone"),
        ({"weekly": WEEKEND, "timezone": "Berlin"}, "freezes.x.timezone: 'Berlin' is not known"),
        ({"weekly": WEEKEND, "timezone": "../x"}, "freezes.x.timezone: '../x' is not known"),
        ({"weekly": "weekend", "timezone": BERLIN}, "freezes.x.weekly: 'weekend' is not a time"),
        ({"weekly": "fri 25:00 - mon 1:00", "timezone": BERLIN}, "freezes.x.weekly: 'fri 25:00"),
        ({"weekly": "fri 16:00 - fri 16:00", "timezone": BERLIN}, "freezes.x.weekly: 'fri 16:00"),
        ({"from": "x", "to": "y"}, "freezes.x.from: 'x' is not a time"),
        ({"from": "2026-11-27", "to": "2026-11-30"}, "freezes.x.from: '2026-11-27' is not a time"),
        (
            {"from": datetime(2026, 11, 27), "to": datetime(2026, 11, 30)},
            "freezes.x.from: .* has no offset from UTC",
        ),
        (
            {"from": "2026-11-27T00:00:00Z", "to": "2026-11-27T00:00:00Z"},
            "freezes.x.to: is not after its from",
        ),
        ({"name": "", "weekly": WEEKEND, "timezone": BERLIN}, "freezes.1: has no name"),
        ({"calendar": "x.ics"}, "freezes.x.name: the events of a calendar"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_key(table: dict[str, Any], words: str) -> None:
    given = {"name": "x", **table}
    if not given["name"]:
        del given["name"]
    with pytest.raises(ConfigurationError, match=words):
        freezes([given], Path())


def loaded(tmp_path: Path, text: str, environment: str | None = None) -> Settings:
    file = tmp_path / "deploygate.toml"
    file.write_text(text, "utf-8")
    return merge(*load(file, environment, actions=dict))


ONE = '{0}name = "{1}"\nfrom = 2026-11-27T00:00:00Z\nto = 2026-11-30T00:00:00Z\n'


def test_those_of_an_environment_are_added(tmp_path: Path) -> None:
    text = ONE.format("[[freezes]]\n", "x") + ONE.format("[[env.prod.freezes]]\n", "y")
    assert len(loaded(tmp_path, text).freezes) == 1
    assert len(loaded(tmp_path, text, "prod").freezes) == 2
    twice = text.replace('"y"', '"x"')
    with pytest.raises(ConfigurationError, match=r"deploygate.toml: freezes.x: two have this name"):
        loaded(tmp_path, twice, "prod")
    bad = text.replace("[[env.prod.freezes]]\n", '[[env.prod.freezes]]\nseverity = "low"\n')
    with pytest.raises(ConfigurationError, match=r"env.prod.freezes.y.severity: 'low' is not"):
        loaded(tmp_path, bad)


def test_a_waiver_may_be_for_a_freeze_of_any_environment(tmp_path: Path) -> None:
    waiver = '[[waivers]]\ncheck = "{0}"\nby = "D"\nreason = "r"\nuntil = 2026-01-01T00:00:00Z\n'
    text = ONE.format("[[env.prod.freezes]]\n", "x")
    assert not unknown_names(loaded(tmp_path, text + waiver.format("freeze[x]")), [])
    assert unknown_names(loaded(tmp_path, text + waiver.format("freeze[y]")), [])


# What a freeze is to a verdict.


def test_a_freeze_is_no_sight_and_no_reason_to_roll_back() -> None:
    held, over = frozen(BLACK_FRIDAY, "2026-11-28T12:00:00Z"), frozen(BLACK_FRIDAY, END)
    findings = Findings()
    findings.asks()
    findings.collected(["a"])

    def report(of: Result, *more: Result) -> GateReport:
        findings.judged((of,), END)
        return conclude(findings, RunFacts(at=END, source=SERVER, freezes=more), str)

    assert report(result(), over).verdict is Verdict.GO
    found = report(result(), held)
    assert (found.verdict, found.verdict_without_freezes) == (Verdict.NO_GO, Verdict.GO)
    assert found.sentence == f"Freeze Black Friday: {held.message}"
    skipped = report(result(Status.SKIPPED), over)
    assert skipped.verdict is Verdict.NO_GO
    assert "every check was skipped" in skipped.blind
    assert report(result(Status.NO_GO), held).verdict_without_freezes is Verdict.NO_GO
