"""Freezes in whole gates, also from a calendar: nothing on the command line lifts one."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.core.freezes import CalendarFreeze
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.engine.freezes import judged
from tests.conftest import END, Gate
from tests.plugin.test_reports import schema_errors

CHECKS = """
    import pytest

    @pytest.mark.critical
    def test_one(): pass

    @pytest.mark.warning
    def test_two(): pass
"""


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def freeze(name: str, *more: str, begin: float = END - 60, end: float = END + 60) -> str:
    lines = ["[[freezes]]", f'name = "{name}"', f"from = {stamp(begin)}", f"to = {stamp(end)}"]
    return "\n".join([*lines, *more, ""])


WAIVER = f"""
[[waivers]]
check = "freeze[*"
by = "Dana Kim"
reason = "a fix"
from = {stamp(END)}
until = {stamp(END + 3600)}
"""


@pytest.fixture
def judge(pytester: pytest.Pytester, run_gate: Gate) -> Any:
    """Judge checks that ask nothing with this configuration: exit code and JSON report."""
    pytester.makepyfile(test_checks=CHECKS)

    def run(configuration: str, *options: str) -> tuple[int, dict[str, Any]]:
        pytester.path.joinpath("deploygate.toml").write_text(configuration, "utf-8")
        done = run_gate(f"--gate-at={END}", "--gate-json=gate.json", "test_checks.py", *options)
        report = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))
        assert schema_errors(report) == []
        return int(done.ret), report

    return run


def picture(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in report["checks"]}


@pytest.mark.parametrize("selection", [(), ("-k", "one"), ("-m", "warning")])
def test_nothing_on_the_command_line_lifts_a_freeze(
    judge: Any, pytester: pytest.Pytester, selection: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    files = ("--gate-junit=gate.xml", "--gate-html=gate.html", "--gate-metrics=gate.txt")
    code, report = judge(freeze("Black Friday"), *files, *selection, *workers)
    assert code == 2
    assert picture(report)["freeze[Black Friday]"] == "NO_GO"
    assert report["sentence"].startswith("Freeze Black Friday: change freeze Black Friday until")
    for name in ("gate.xml", "gate.html"):
        assert "change freeze Black Friday until" in pytester.path.joinpath(name).read_text("utf-8")
    metrics = pytester.path.joinpath("gate.txt").read_text("utf-8")
    assert 'check_status{check="freeze[Black Friday]",severity="critical"} 0' in metrics


@pytest.mark.parametrize(
    ("configuration", "code", "status"),
    [
        (freeze("x", begin=END), 2, "NO_GO"),
        (freeze("x", end=END), 0, "GO"),
        (freeze("x", 'severity = "warning"'), 1, "WARNING"),
        (freeze("x") + WAIVER, 1, "WAIVED"),
        (freeze("x", end=END) + WAIVER, 0, "GO"),
        (WAIVER.replace("freeze[*", "one") + freeze("x"), 2, "NO_GO"),
    ],
)
def test_only_a_waiver_lifts_one(judge: Any, configuration: str, code: int, status: str) -> None:
    found, report = judge(configuration)
    assert (found, picture(report)["freeze[x]"]) == (code, status)


def test_it_cannot_be_left_out(run_gate: Gate, judge: Any, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(
        freeze("x") + '[criteria."freeze[x]"]\nenabled = false\n', "utf-8"
    )
    assert run_gate(f"--gate-at={END}", ".").ret == 2


def test_a_watch_judges_it_once_at_its_start(judge: Any, pytester: pytest.Pytester) -> None:
    watch = ("--gate-watch=2m", "--gate-interval=30s", "--gate-html=gate.html")
    code, report = judge(freeze("x", end=END + 1), *watch)
    assert (code, len(report["rounds"])) == (2, 5)
    code, report = judge(freeze("x", begin=END + 1), *watch)
    assert (code, picture(report)["freeze[x]"]) == (0, "GO")


def test_a_replay_uses_the_freezes_of_the_recorded_run(
    judge: Any, run_gate: Gate, pytester: pytest.Pytester
) -> None:
    for watch in ((), ("--gate-watch=1m",)):
        _, recorded = judge(freeze("x"), "--gate-record=evidence.json", *watch)
        pytester.path.joinpath("deploygate.toml").write_text(freeze("y"), "utf-8")
        replay = ("--gate-replay=evidence.json", "--gate-json=gate.json", "test_checks.py")
        assert run_gate(*replay).ret == 2
        replayed = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))
        assert replayed["checks"] == recorded["checks"]


def test_it_triggers_only_the_actions_that_name_it(judge: Any) -> None:
    action = '[[actions]]\nname = "{0}"\nkind = "command"\non = ["NO-GO"]\ncommand = ["true"]\n'
    named = action.format("named") + 'for = ["freeze[x]"]\n'
    given = freeze("x") + action.format("all") + named
    given += action.format("breaches") + 'reasons = ["breach"]\n'
    _, report = judge(given)
    assert {one["name"]: one["status"] for one in report["actions"]} == {
        "all": "skipped",
        "named": "planned",
        "breaches": "skipped",
    }


CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
{0}END:VCALENDAR
"""
EVENT = "BEGIN:VEVENT\nUID:{0}\nSUMMARY:{0}\n{1}\nEND:VEVENT\n"
INVENTORY = EVENT.format("Inventory", "DTSTART:20260921T120000Z\nDTEND:20260921T180000Z")
NIGHTS = EVENT.format(
    "Night",
    "DTSTART;TZID=Europe/Berlin:20260101T220000\nDTEND;TZID=Europe/Berlin:20260102T060000\n"
    "RRULE:FREQ=WEEKLY;BYDAY=FR,SA\nEXDATE;TZID=Europe/Berlin:20260918T220000",
)
DAY = EVENT.format("Day", "DTSTART;VALUE=DATE:20260921\nDTEND;VALUE=DATE:20260922")
OFF = EVENT.format("Off", "STATUS:CANCELLED\nDTSTART:20260921T120000Z\nDTEND:20260921T180000Z")


def of_calendar(tmp_path: Path, text: str, at: str, zone: Any = None) -> list[Result]:
    file = tmp_path / "freezes.ics"
    file.write_text(CALENDAR.format(text).replace("\n", "\r\n"), "utf-8")
    given = CalendarFreeze(file, "freezes.ics", Severity.CRITICAL, zone)
    return list(judged([given], datetime.fromisoformat(at).timestamp()))


def statuses(results: list[Result]) -> dict[str, str]:
    return {one.id: one.status.value for one in results}


@pytest.mark.parametrize(
    ("at", "inventory", "night"),
    [
        ("2026-09-21T11:59:59Z", "GO", "GO"),
        ("2026-09-21T12:00:00Z", "NO_GO", "GO"),
        ("2026-09-21T17:59:59Z", "NO_GO", "GO"),
        ("2026-09-21T18:00:00Z", "GO", "GO"),
        ("2026-09-18T21:00:00Z", "GO", "GO"),  # this Friday is an exception
        ("2026-09-19T19:59:59Z", "GO", "GO"),
        ("2026-09-19T20:00:00Z", "GO", "NO_GO"),
        ("2026-09-20T03:59:59Z", "GO", "NO_GO"),
        ("2026-09-20T04:00:00Z", "GO", "GO"),
        ("2026-12-04T21:00:00Z", "GO", "NO_GO"),  # winter time: an hour later in UTC
        ("2026-12-04T20:59:59Z", "GO", "GO"),
    ],
)
def test_the_events_of_a_calendar_are_freezes(
    tmp_path: Path, at: str, inventory: str, night: str
) -> None:
    found = of_calendar(tmp_path, INVENTORY + NIGHTS + OFF, at)
    assert statuses(found) == {"freeze[Inventory]": inventory, "freeze[Night]": night}


def test_a_calendar_names_the_next_event_within_a_week(tmp_path: Path) -> None:
    [found] = of_calendar(tmp_path, NIGHTS, "2026-09-16T12:00:00Z")
    assert found.message == (
        "no change freeze now; the next one begins Sat 19 Sep, 22:00 (Europe/Berlin)"
    )


def test_a_day_needs_a_zone(tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    [found] = of_calendar(tmp_path, DAY, "2026-09-21T12:00:00Z")
    assert (found.status, found.reason) == ("NO_GO", "error")
    assert "the times of 'Day' have no zone; give the freeze a timezone" in found.message
    zone = ZoneInfo("Europe/Berlin")
    for at, status in [
        ("2026-09-20T21:59:59Z", "GO"),
        ("2026-09-20T22:00:00Z", "NO_GO"),
        ("2026-09-21T21:59:59Z", "NO_GO"),
        ("2026-09-21T22:00:00Z", "GO"),
    ]:
        assert statuses(of_calendar(tmp_path, DAY, at, zone)) == {"freeze[Day]": status}
    with_zone = "X-WR-TIMEZONE:Europe/Berlin\n" + DAY
    assert statuses(of_calendar(tmp_path, with_zone, "2026-09-20T22:00:00Z")) == {
        "freeze[Day]": "NO_GO"
    }


def test_an_empty_calendar_is_a_check_that_passes(tmp_path: Path) -> None:
    assert statuses(of_calendar(tmp_path, "", "2026-09-21T12:00:00Z")) == {
        "freeze[freezes.ics]": "GO"
    }


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nothing",
        "BEGIN:VCALENDAR\n",
        CALENDAR.format("BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n"),
        CALENDAR.format(EVENT.format("x", "DTSTART:soon")),
        CALENDAR.format(EVENT.format("x", "DTSTART:20260921T120000Z\nRRULE:FREQ=OFTEN")),
    ],
)
@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_a_calendar_that_cannot_be_read_is_an_error_of_its_severity(
    judge: Any, pytester: pytest.Pytester, text: str | None, severity: str
) -> None:
    if text is not None:
        pytester.path.joinpath("team.ics").write_text(text, "utf-8")
    given = f'[[freezes]]\ncalendar = "team.ics"\nseverity = "{severity}"\n'
    code, report = judge(given)
    assert code == (2 if severity == "critical" else 1), report["sentence"]
    [found] = [check for check in report["checks"] if check["id"] == "freeze[team.ics]"]
    assert found["reason"] == "error"


def test_what_reads_calendars_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(ValueError, match=r"pip install 'pytest-deploygate\[calendar\]'"):
        of_calendar(tmp_path, INVENTORY, "2026-09-21T12:00:00Z")
