"""Waivers: who may let what fail, until when, and what they never do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.config.file import load
from pytest_deploygate.config.layers import merge
from pytest_deploygate.config.mistakes import unknown_names
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.config.waivers import waivers as read
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.report import WORST_FIRST, GateReport
from pytest_deploygate.core.result import Reason, Result, Sides, Status
from pytest_deploygate.core.series import Measurement
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.core.waivers import Waiver, holding
from pytest_deploygate.engine import judging
from pytest_deploygate.engine.conclusion import RunFacts, conclude
from pytest_deploygate.engine.findings import Findings
from pytest_deploygate.engine.ledger import CheckNote, PhaseReport
from pytest_deploygate.engine.waiving import waived_as_a_whole
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.kinds.instant import Instant
from tests.made import ERROR, FAILED, SERVER, result
from tests.unit.judging import AT, criterion, light, one

WAIVED = ("WAIVED", "waived")
DAY = 86_400.0


def waiver(check: str = "x", **changes: Any) -> Waiver:
    usual = {"by": "Dana Kim", "reason": "retraining", "until": AT + 2 * DAY}
    return Waiver(check, **{**usual, **changes})


def judged(given: Any, series: Sequence[Any], *waivers: Waiver, warnings: Any = ()) -> Result:
    """The result of this answer, with the waivers that hold."""

    def ask(query: object) -> Measurement:
        return Measurement(tuple(series), warnings)

    held = holding(waivers, given.id, AT)
    return waived_as_a_whole(judging.judge(given, AT, ask, held), held)


def test_a_breach_within_a_waiver_is_waived_with_its_value() -> None:
    found = judged(criterion(), [one(9, pod="a")], waiver(ticket="OPS-1"))
    assert light(found) == WAIVED
    assert (found.value, found.threshold, found.labels) == (9, 5, {"pod": "a"})
    assert found.message == (
        "9, limit 5 (pod=a); waived by Dana Kim until 2025-06-17 15:06:40 UTC: retraining (OPS-1)"
    )
    assert found.evaluated
    assert Result.from_builtins(found.to_builtins()) == found


@pytest.mark.parametrize(
    ("at", "holds"),
    [(-1, False), (0, True), (1, True), (3600, True), (3600.001, False), (3601, False)],
)
def test_it_holds_from_its_first_second_to_its_last(at: float, holds: bool) -> None:
    given = waiver(begin=AT, until=AT + 3600)
    assert bool(holding([given], "x", AT + at)) is holds


@pytest.mark.parametrize("check", ["x", "x*", "?", "*"])
def test_patterns(check: str) -> None:
    assert holding([waiver(check)], "x", AT)
    assert not holding([waiver("up[app]")], "upa", AT)
    assert holding([waiver("up[app]")], "up[app]", AT)


@pytest.mark.parametrize("no_data", [False, True])
def test_what_is_no_breach_is_not_waived(no_data: bool) -> None:
    by = waiver(no_data=no_data)
    strict = criterion(no_data="no-go")
    assert light(judged(strict, [], by)) == (WAIVED if no_data else ("NO_GO", "no-data"))
    assert not judged(strict, [], by).evaluated  # a gate that sees nothing stays blind
    nan = [one(math.nan)]
    assert light(judged(strict, nan, by)) == (WAIVED if no_data else ("NO_GO", "no-data"))
    error = judging.judge(criterion(), AT, _refuse, (by,))
    assert light(error) == ("NO_GO", "error")
    assert light(waived_as_a_whole(error, (by,))) == ("NO_GO", "error")


def _refuse(query: object) -> Measurement:
    raise SourceError("refused")


def test_an_error_of_another_series_still_fails() -> None:
    cut_off = criterion(buckets=(7.0,), below=10.0)
    series = [one(30, pod="a"), one(8, pod="b")]
    found = judged(cut_off, series, waiver())
    assert (found.status, found.reason) == (Status.NO_GO, Reason.ERROR)
    assert "the histogram cannot tell" in found.message
    assert found.evaluated  # the breach that is waived was measured


def test_with_labels_other_series_still_fail() -> None:
    by = waiver(labels=(("pod", "a"),))
    assert light(judged(criterion(), [one(9, pod="a"), one(1, pod="b")], by)) == WAIVED
    found = judged(criterion(), [one(9, pod="a"), one(6, pod="b"), one(1, pod="c")], by)
    assert light(found) == ("NO_GO", "breach")
    assert found.labels == {"pod": "b"}
    assert "1 of 3 series waived by Dana Kim" in found.message


@pytest.mark.parametrize(
    ("limit", "bounds", "value", "is_waived"),
    [
        ({"below": 5}, {"at_most": 10.0}, 9.0, True),
        ({"below": 5}, {"at_most": 10.0}, 10.0, True),
        ({"below": 5}, {"at_most": 10.0}, 10.1, False),
        ({"below": 5}, {"at_most": 10.0}, math.inf, False),
        ({"at_least": 5}, {"at_least": 2.0}, 2.0, True),
        ({"at_least": 5}, {"at_least": 2.0}, 1.9, False),
        ({"at_least": 5, "nan_is_breach": True}, {"at_least": 2.0}, math.nan, False),
    ],
)
def test_beyond_its_bound_a_waiver_ends(
    limit: dict[str, Any], bounds: dict[str, Any], value: float, is_waived: bool
) -> None:
    found = judged(criterion(**limit), [one(value)], waiver(**bounds))
    assert light(found) == (WAIVED if is_waived else ("NO_GO", "breach"))
    assert ("the waiver of Dana Kim ended at" in found.message) is not is_waived


def test_an_incomplete_answer_is_no_data_besides() -> None:
    found = judged(criterion(), [one(9)], waiver(), warnings=("a part is missing",))
    assert light(found) == ("WARNING", "no-data")
    assert "a part is missing" in found.message
    assert light(judged(criterion(), [one(9)], waiver(no_data=True), warnings=("x",))) == WAIVED


@pytest.mark.parametrize(
    ("changes", "by", "is_waived"),
    [
        ({"value": None, "total": 0}, waiver(), True),
        ({"value": None, "total": 0}, waiver(labels=(("a", "b"),)), False),
        ({"value": None, "total": 0}, waiver(at_most=3.0), False),
        ({"value": None, "total": 0}, waiver("y"), False),
        ({"value": None, "total": 0}, waiver(until=AT - 1), False),
        ({"value": 9.0, "total": 2}, waiver(), False),  # its series were looked at one by one
        ({**ERROR, "total": 0}, waiver(no_data=True), False),
    ],
)
def test_a_test_without_series_is_waived_as_a_whole(
    changes: Mapping[str, Any], by: Waiver, is_waived: bool
) -> None:
    failed = result(id="x", timestamp=AT, **{**FAILED, **changes})
    assert (waived_as_a_whole(failed, (by,)).status is Status.WAIVED) is is_waived


# Taking a waiver away never makes a verdict better, and adding one never makes it worse.

VALUES = st.sampled_from([1.0, 4.0, 6.0, 8.0, 9.0, 20.0, math.nan, math.inf])
SERIES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
WAIVERS = st.lists(
    st.builds(
        waiver,
        st.sampled_from(["x", "y", "*"]),
        labels=st.sampled_from([(), (("pod", "a"),), (("pod", "b"),), (("zone", "1"),)]),
        at_most=st.sampled_from([None, None, 7.0, 10.0]),
        no_data=st.booleans(),
        begin=st.sampled_from([-math.inf, AT, AT + 1]),
        until=st.sampled_from([AT + DAY, AT, AT - 1]),
    ),
    max_size=3,
)
CHECKS = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(["critical", "warning"]),
        "no_data": st.sampled_from(["warning", "no-go", "skip", "go"]),
        "optional": st.booleans(),
        "nan_is_breach": st.booleans(),
        "buckets": st.sampled_from([(), (7.0,)]),
        "below": st.sampled_from([5.0, 8.5]),
    }
)


def concluded(results: Sequence[Result], waivers: Sequence[Waiver], **facts: Any) -> GateReport:
    findings = Findings()
    findings.asks()
    findings.collected([one.id for one in results])
    for each in results:
        note = CheckNote(each.severity, each.id, each.name, each.query, AT, (each,))
        findings.reported(PhaseReport(each.id, "call", "passed", 0.1, note))
    findings.end(AT, str)
    return conclude(findings, RunFacts(at=AT, source=SERVER, waivers=tuple(waivers), **facts), str)


@settings(max_examples=200)
@given(
    checks=st.tuples(CHECKS, CHECKS),
    answers=st.tuples(SERIES, SERIES),
    warned=st.sampled_from([(), (), ("a part is missing",)]),
    waivers=WAIVERS,
    added=WAIVERS,
    required=st.booleans(),
)
def test_a_waiver_never_makes_a_verdict_worse_nor_a_go(
    checks: tuple[dict[str, Any], dict[str, Any]],
    answers: tuple[dict[str, float], dict[str, float]],
    warned: tuple[str, ...],
    waivers: list[Waiver],
    added: list[Waiver],
    required: bool,
) -> None:
    facts = {"required": ("x",) if required else ()}

    def report(given: Sequence[Waiver]) -> GateReport:
        results = [
            judged(
                criterion(id=name, **fields),
                [one(value, pod=pod) for pod, value in answer.items()],
                *given,
                warnings=warned,
            )
            for name, fields, answer in zip("xy", checks, answers, strict=True)
        ]
        return concluded(results, given, **facts)

    order = list(Verdict)
    without, few, more = report([]), report(waivers), report([*waivers, *added])
    assert order.index(more.verdict) <= order.index(few.verdict) <= order.index(without.verdict)
    if without.verdict is not Verdict.GO:
        assert more.verdict is not Verdict.GO
    for before, after in zip(without.results, more.results, strict=True):
        worse = WORST_FIRST.index(before.status) > WORST_FIRST.index(after.status)
        assert not worse
        assert before.evaluated is after.evaluated
        if after.status is Status.WAIVED:
            assert before.reason in (Reason.BREACH, Reason.NO_DATA)
            assert all(each.holds(AT) and each.is_for(after.id) for each in after.waivers)
        if not before.failed:
            assert before == after


# What the reports say of them.


def test_a_waived_check_is_a_warning_at_best() -> None:
    waived = judged(criterion(), [one(9)], waiver())
    report = concluded([waived, result()], [waiver()])
    assert report.verdict is Verdict.WARNING
    assert report.sentence.startswith("1 waived: X: 9, limit 5; waived by Dana Kim")
    assert report.notices == ()
    assert concluded([waived], [waiver()], required=("x",)).verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("given", "notice"),
    [
        (waiver(until=AT - 1), "the waiver of Dana Kim for x expired on 2025-06-15 15:06:39 UTC"),
        (waiver(), "the waiver of Dana Kim for x waives nothing"),
        (waiver(begin=AT + 60), "the waiver of Dana Kim for x waives nothing"),
    ],
)
def test_a_waiver_that_does_nothing_is_noticed(given: Waiver, notice: str) -> None:
    [found] = concluded([result(id="x")], [given]).notices
    assert notice in found


@pytest.mark.parametrize(("left", "soon"), [(DAY, True), (DAY + 1, False)])
def test_a_waiver_that_ends_soon_is_noticed(left: float, soon: bool) -> None:
    by = waiver(until=AT + left)
    notices = concluded([judged(criterion(), [one(9)], by)], [by]).notices
    assert [("expires in 1d" in notice) for notice in notices] == [True] * soon


# The configuration.

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
TABLE = {"check": "x", "by": "Dana Kim", "reason": "retraining"}


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        (datetime.fromisoformat("2026-12-03T12:00:00+00:00"), 7 * DAY),
        (datetime.fromisoformat("2026-12-03T13:00:00+01:00"), 7 * DAY),
        (datetime.fromisoformat("2026-12-03T01:30:00-10:30"), 7 * DAY),
        ("2026-12-03T12:00:00Z", 7 * DAY),
        (datetime.fromisoformat("2026-12-10T12:00:00+00:00"), 14 * DAY),
        (datetime.fromisoformat("2020-01-01T12:00:00+00:00"), 1_577_880_000 - NOW),
    ],
)
def test_times_have_an_offset(until: object, seconds: float) -> None:
    [found] = read([{**TABLE, "until": until}], NOW)
    assert found.until - NOW == seconds


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"until": datetime(2026, 12, 3, 12)}, "waivers.x.until: .* has no offset from UTC"),
        ({"until": datetime(2026, 12, 3).date()}, "waivers.x.until: .* has no offset from UTC"),
        ({"until": "soon"}, "waivers.x.until: 'soon' is not a time"),
        ({"until": 3}, "waivers.x.until: 3 is not a time"),
        ({"until": "2026-12-10T12:00:01Z"}, "waivers.x.until: is 14d1s after now; .* 14d at most"),
        (
            {"from": "2026-11-01T00:00:00Z", "until": "2026-11-15T00:00:01Z"},
            "waivers.x.until: is 14d1s after its from",
        ),
        (
            {"from": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
            "waivers.x.until: is before its from",
        ),
        ({"until": "2026-12-03T12:00:00Z", "at_most": math.nan}, "waivers.x.at_most: nan is not"),
    ],
)
def test_times_that_cannot_be_used_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read([{**TABLE, **changes}], NOW)


def loaded(tmp_path: Path, text: str, environment: str | None = None) -> Settings:
    file = tmp_path / "deploygate.toml"
    file.write_text(text, "utf-8")
    return merge(*load(file, environment, actions=dict))


ONE = '{0}check = "{1}"\nby = "D"\nreason = "r"\nuntil = 2026-01-01T00:00:00Z\n'


def test_those_of_an_environment_are_added(tmp_path: Path) -> None:
    text = ONE.format("[[waivers]]\n", "x") + ONE.format("[[env.prod.waivers]]\n", "y")
    assert [one.check for one in loaded(tmp_path, text).waivers] == ["x"]
    assert [one.check for one in loaded(tmp_path, text, "prod").waivers] == ["x", "y"]


@pytest.mark.parametrize("missing", ["check", "by", "reason", "until"])
@pytest.mark.parametrize("table", ["[[waivers]]\n", "[[env.prod.waivers]]\n"])
def test_who_why_and_until_when_must_be_given(tmp_path: Path, missing: str, table: str) -> None:
    lines = ONE.format(table, "x").splitlines()
    text = "\n".join(line for line in lines if not line.startswith(missing))
    with pytest.raises(ConfigurationError, match=rf"deploygate.toml: .*'{missing}' is a required"):
        loaded(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"deploygate.toml: waivers.x.until: 'never'"):
        loaded(tmp_path, ONE.format(table, "x").replace("2026-01-01T00:00:00Z", '"never"'))


def test_a_waiver_for_a_check_that_nothing_knows_is_a_mistake(tmp_path: Path) -> None:
    text = ONE.format("[[waivers]]\n", "xx") + ONE.format("[[env.prod.waivers]]\n", "y*")
    run = loaded(tmp_path, text)
    unknown = unknown_names(run, [criterion()])
    assert [one.message for one in unknown.values()] == [
        "deploygate.toml: waivers: no check matches 'xx', did you mean 'x'?",
        "deploygate.toml [env.prod]: waivers: no check matches 'y*', known: x",
    ]
    assert unknown_names(run, [criterion()], tests=["xx", "yy"]) == {}


class Halves(Instant):
    """A kind that says what it compared."""

    @property
    def compares(self) -> bool:
        return True

    def sides(self, criterion: Criterion, decision: Decision) -> Sides:
        return Sides(decision.value, decision.value / 2, None, None, "")


def test_a_waived_comparison_keeps_what_was_compared() -> None:
    series = [one(9, pod="a"), one(8, pod="b")]
    for by in (waiver(), waiver(labels=(("pod", "a"),))):
        found = judged(criterion(kind=Halves()), series, by)
        assert found.sides is not None
        assert (found.value, found.sides.old) == (found.sides.new, found.sides.new / 2)
