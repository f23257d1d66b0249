"""Alerts over time: many times at once are judged as each of them alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate import no_alerts
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.core.verdict import gives_sight
from pytest_deploygate.kinds.times import Times
from tests.alike import assert_alike
from tests.unit.judging import AT

STEP = 60.0
ALERTS = st.dictionaries(
    st.sampled_from(["Loud", "Louder", "Loudest"]),
    st.lists(st.booleans(), min_size=5, max_size=5),
    max_size=3,
)


@settings(max_examples=50)
@given(alerts=ALERTS, severity=st.sampled_from(["critical", "warning"]))
def test_many_times_are_judged_as_each_of_them_alone(
    alerts: dict[str, list[bool]], severity: str
) -> None:
    def ask(query: Query) -> Measurement:
        start, end = (
            (query.at, query.at) if isinstance(query, InstantQuery) else (query.start, query.end)
        )
        value = 1.0 if query.expr.startswith("ALERTS{") else AT - 600
        found = []
        for name, firing in alerts.items():
            times = [AT + STEP * n for n, fires in enumerate(firing) if fires]
            points = tuple((time, value) for time in times if start <= time <= end)
            if points:
                found.append(Series({"alertname": name}, points))
        return Measurement(tuple(found))

    assert_alike(no_alerts(severity=severity).resolved({}), Times(AT, STEP, 5), ask)


def test_an_alert_gives_no_sight_whatever_its_id() -> None:
    asked = no_alerts('team="a"', id="team_a")
    assert asked.query == (
        'ALERTS{alertstate="firing",alertname!~"DeploymentGate.*|Watchdog",team="a"}'
    )
    assert not gives_sight(asked.id, asked.query)
    assert gives_sight(asked.id, "up")
