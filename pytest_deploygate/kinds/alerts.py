"""No alert may be firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.series import Query, Series
from pytest_deploygate.core.text import counted, labels_text, printable
from pytest_deploygate.core.waivers import moment
from pytest_deploygate.kinds.base import Answers, Kind
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.kinds.limit import hold
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.expressions import NotExpressible
from pytest_deploygate.promql.narrowing import Matcher, escaped, matchers

ALWAYS_IGNORED = ("DeploymentGate.*", "Watchdog")
"""Patterns of the alerts that never count: the gate's own would lock it, and one fires always."""

_FIRING = 'ALERTS{alertstate="firing",'
_ACTIVE = "ALERTS_FOR_STATE{"
_OWN = frozenset({"__name__", "alertname", "alertstate"})
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Alerts(Kind):
    """Every series of the query is an alert that is firing.

    Args:
        rules_checked: whether no alert is good news only if alerting rules that match are loaded,
            healthy and evaluated.
    """

    rules_checked: bool = True

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """What is firing, and since when it is."""
        active = criterion.query.replace(_FIRING, _ACTIVE, 1)
        return (times.instant(criterion.query), times.instant(active))

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """A breach for each alert; its value is how many there are."""
        firing, active = answers
        if not firing:
            return [hold(criterion, Series({}, ((at, 0.0),)), 0.0)]
        since = {_key(one.labels): one.value for one in active}
        found = [hold(criterion, one, float(len(firing))) for one in firing]
        return [one._replace(numbers=(since.get(_key(one.series.labels), 0.0),)) for one in found]

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """The alert with its labels, and since when it is firing."""
        if not decision.numbers:
            return "no alert is firing"
        return f"{_named(decision)} is firing"

    def explain_all(self, criterion: Criterion, decisions: Sequence[Decision]) -> str:
        """All of the alerts."""
        named = "; ".join(map(_named, decisions[:_MOST_NAMED]))
        more = len(decisions) - _MOST_NAMED
        firing = "is firing" if len(decisions) == 1 else "are firing"
        rest = f"; and {more} more" if more > 0 else ""
        return f"{counted(len(decisions), 'alert')} {firing}: {named}{rest}"

    def promql(self, criterion: Criterion) -> NotExpressible:
        """Rules cannot tell whether rules are loaded."""
        return NotExpressible("PromQL does not know whether alerting rules are loaded and healthy")


def no_alerts(
    matching: str = "",
    *,
    ignore: Iterable[str] = (),
    id: str = "no_alerts",
    title: str = "",
    severity: str = "critical",
    no_data: str | None = None,
    select: str | None = None,
    rules_checked: bool = True,
) -> Criterion:
    """A criterion that no alert is firing, and that rules are loaded that could fire one.

    Args:
        matching: label matchers of the alerts that count, such as ``severity="critical"``; empty
            for all.
        ignore: names of alerts that do not count. The gate's own and ``Watchdog`` never do.
        id: of the check.
        title: by default it is made from the id.
        severity: ``critical`` or ``warning``.
        no_data: what it means that rules are missing, fail or are not evaluated, as in a criterion.
        select: as in a criterion.
        rules_checked: whether the rules are looked at; not every server has them.

    Raises:
        ConfigurationError: the matchers are not valid.
    """
    own = matchers(matching, f"no_alerts({matching!r})")
    pattern = "|".join([*ALWAYS_IGNORED, *map(escaped, ignore)])
    every = ",".join(one.expr for one in (Matcher("alertname", "!~", pattern), *own))
    return Criterion(
        id=id,
        title=title,
        query=f"{_FIRING}{every}}}",
        severity=severity,
        kind=Alerts(rules_checked=rules_checked),
        at_most=0,
        unit="alerts",
        no_data=no_data,
        select=select,
    )


def _key(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    hidden = ("__name__", "alertstate")
    return frozenset(item for item in labels.items() if item[0] not in hidden)


def _named(decision: Decision) -> str:
    """``HighLatency (job=app) since 2026-11-27 12:04:30 UTC``."""
    labels = decision.series.labels
    rest = labels_text({name: text for name, text in labels.items() if name not in _OWN})
    began = decision.numbers[0] if decision.numbers else 0.0
    since = f" since {moment(began)}" if 0 < began < 1e11 else ""
    name = labels.get("alertname") or "an alert without a name"
    return printable(f"{name}{f' ({rest})' if rest else ''}{since}")
