"""No alert is good news only if rules are loaded, healthy and evaluated that could fire one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Reason, Result
from pytest_deploygate.core.series import RULES, InstantQuery, Series
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.outcome import without_data
from pytest_deploygate.engine.unlabelled import Ask
from pytest_deploygate.kinds.alerts import Alerts
from pytest_deploygate.promql.narrowing import Matcher, matchers_of

_LONGEST = 600.0  # seconds since a rule was evaluated, or two of its group's intervals
_MOST_NAMED = 3
_ABOUT_ALERTS = frozenset({"__name__", "alertstate"})


def question(criterion: Criterion, at: float) -> InstantQuery | None:
    """What to ask besides the criterion's queries about now; None if it is not about alerts."""
    kind = criterion.kind
    asks = isinstance(kind, Alerts) and kind.rules_checked
    return InstantQuery(RULES, at) if asks else None


def checked(result: Result, criterion: Criterion, ask: Ask, *, is_now: bool) -> Result:
    """The result; no data where no rule could have fired an alert.

    Args:
        result: of the criterion.
        criterion: resolved and narrowed.
        ask: the source's answer to a query.
        is_now: whether it is judged at a time of which the rules are known.
    """
    asked = question(criterion, result.timestamp)
    if asked is None or result.reason is not Reason.OK:
        return result
    if not is_now:
        unknown = "whether alerting rules were loaded then cannot be checked"
        return result._replace(message=f"{result.message}; {unknown}")
    try:
        rules = ask(asked).series
    except SourceError as error:
        return _without_data(result, criterion, f"the alerting rules cannot be read: {error}")
    wanted = _matchers(criterion.query)
    loaded = [one for one in rules if "state" not in one.labels]
    able = [one for one in loaded if _can_match(one.labels, wanted)]
    if not able:
        return _without_data(result, criterion, _none_loaded(len(loaded), wanted))
    # A server that has just started does not write ALERTS before it has restored its alerts.
    for one in rules:
        if "state" in one.labels and _matches(one.labels, wanted):
            unseen = f"the rule {one.labels['alertname']} fires, and ALERTS does not say so yet"
            return _without_data(result, criterion, unseen)
    bad = [text for text in (_wrong(one, result.timestamp) for one in able) if text]
    if bad:
        more = f"; and {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
        return _without_data(result, criterion, "; ".join(bad[:_MOST_NAMED]) + more)
    return result


def _matchers(query: str) -> tuple[Matcher, ...]:
    import promql_parser

    found: list[Matcher] = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.extend(matchers_of(node))

    try:
        promql_parser.walk(promql_parser.parse(query), pre_visit=visit)
    except ValueError:  # an extension of MetricsQL: any rule may match it
        return ()
    return tuple(one for one in found if one.name not in _ABOUT_ALERTS)


def _can_match(rule: Mapping[str, str], wanted: Iterable[Matcher]) -> bool:
    """Whether an alert of the rule can have these labels: those that are not fixed can be any."""
    for one in wanted:
        fixed = rule["alertname"] if one.name == "alertname" else rule.get(f"label:{one.name}")
        is_open = fixed is None or "{{" in fixed
        if not is_open and not one.accepts({one.name: fixed or ""}):
            return False
    return True


def _matches(alert: Mapping[str, str], wanted: Iterable[Matcher]) -> bool:
    """Whether an alert has these labels."""
    return all(one.accepts({one.name: alert.get(f"label:{one.name}", "")}) for one in wanted)


def _none_loaded(loaded: int, wanted: Iterable[Matcher]) -> str:
    named = ", ".join(one.wording for one in wanted if one.name != "alertname")
    if not loaded:
        return "no alerting rule is loaded"
    which = f" an alert with {named}" if named else " such an alert"
    return f"none of {loaded} alerting rules could fire{which}"


def _wrong(rule: Series, at: float) -> str:
    """Why a rule says nothing; empty if it does."""
    labels = rule.labels
    name = f"the rule {labels['alertname']} (group {labels['group']})"
    if labels["health"] == "err":
        return f"{name} fails: {labels['error'] or 'no reason given'}"
    if labels["health"] != "ok" or rule.value <= 0:
        return f"{name} has not been evaluated yet"
    age, longest = at - rule.value, max(_LONGEST, 2 * float(labels["interval"]))
    return f"{name} was evaluated {spoken(age)} ago" if age > longest else ""


def _without_data(result: Result, criterion: Criterion, why: str) -> Result:
    return result._replace(
        status=without_data(criterion),
        reason=Reason.NO_DATA,
        message=printable(f"no data: no alert is firing, but {why}", 1_000),
        value=None,
    )
