"""The alerting rules of a server, as a measurement, so that evidence keeps them.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#rules
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import Measurement, Series
from pytest_deploygate.core.text import printable

PATH = "api/v1/rules"


def parse(body: bytes, at: float, redacted: Callable[[str], str] = str) -> Measurement:
    """A series for each alerting rule, and one for each alert that it fires.

    The value is when the rule was evaluated last, or the alert began, in Unix seconds. Labels of a
    rule are ``alertname``, ``group``, ``interval`` (seconds), ``health`` and ``error``, and those
    of an alert ``alertname`` and ``state``; both have their own with ``label:`` before the names.

    Args:
        body: of the response.
        at: the time of the question, in Unix seconds.
        redacted: takes secrets out of a text.

    Raises:
        SourceError: it is something else.
    """
    try:
        document = json.loads(body)
        if document["status"] != "success":
            raise ValueError(document.get("error", "no reason given"))
        return Measurement(tuple(_series(document["data"]["groups"], at, redacted)))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        text = printable(redacted(str(error)), 120)
        raise SourceError(f"the list of alerting rules cannot be read: {text}") from None


def _series(groups: list[Any], at: float, redacted: Callable[[str], str]) -> Iterator[Series]:
    for group in groups:
        for rule in group["rules"]:
            if rule["type"] == "alerting":
                found = [(_labels(group, rule), rule["lastEvaluation"])]
                found += [
                    (_of_alert(alert), alert["activeAt"])
                    for alert in rule.get("alerts") or ()
                    if alert["state"] == "firing"
                ]
                for labels, moment in found:
                    clean = {name: redacted(text) for name, text in labels}
                    yield Series(clean, ((at, _seconds(moment)),))


def _of_alert(alert: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "alertname", str(alert["labels"].get("alertname", ""))
    yield "state", str(alert["state"])
    yield from _own(alert["labels"])


def _own(labels: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    for name, text in (labels or {}).items():
        yield f"label:{name}", str(text)


def _labels(group: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "alertname", str(rule["name"])
    yield "group", str(group["name"])
    yield "interval", str(float(group["interval"]))
    yield "health", str(rule["health"])
    yield "error", str(rule.get("lastError", ""))
    yield from _own(rule.get("labels"))


def _seconds(text: str) -> float:
    """Unix seconds; minus infinity for never, which Go writes as the year 1."""
    moment = datetime.fromisoformat(text)
    return moment.timestamp() if moment.year > 1 else -math.inf
