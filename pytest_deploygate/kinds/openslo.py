"""OpenSLO v1 documents read into criteria; what is not supported is refused by name.

Source: https://github.com/OpenSLO/OpenSLO, the specification of openslo/v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean
from pytest_deploygate.core.text import counted, printable
from pytest_deploygate.kinds.objectives import slo
from pytest_deploygate.kinds.openslo_nodes import Node, documents
from pytest_deploygate.promql.counters import mixed, windowed
from pytest_deploygate.promql.expressions import operand

_VERSION = "openslo/v1"
_SOURCE = "Prometheus"
_METHOD = "Occurrences"
_PERIOD = "30d"
_READ = ("SLO", "SLI", "Service", "DataSource")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DURATION = re.compile(r"[1-9]\d*[mhdw]")

_ALERTS = "the gate's own windows say when a budget burns too fast; leave it out"
_RATIO = "write a ratioMetric with bad or good, and total"
_REFUSED = {
    "AlertPolicy": _ALERTS,
    "AlertCondition": _ALERTS,
    "AlertNotificationTarget": _ALERTS,
    "alertPolicies": _ALERTS,
    "thresholdMetric": _RATIO,
    "op": f"it belongs to a thresholdMetric; {_RATIO}",
    "value": f"it belongs to a thresholdMetric; {_RATIO}",
    "raw": f"events are counted in several windows; {_RATIO}",
    "rawType": f"events are counted in several windows; {_RATIO}",
    "timeSliceTarget": "it belongs to time slices; events are counted (Occurrences)",
    "timeSliceWindow": "it belongs to time slices; events are counted (Occurrences)",
    "compositeWeight": "an objective of a composite SLO has it; write an SLO for each",
    "calendar": "write a rolling window: duration: 30d and isRolling: true",
    "connectionDetails": "the gate asks the server of --prometheus-url; leave them out",
}
"""What the specification knows and is not supported, and what to do."""

_OF_SLO = (
    *("description", "service", "indicator", "indicatorRef", "timeWindow"),
    *("budgetingMethod", "objectives", "alertPolicies"),
)


def openslo(path: str | Path) -> list[Criterion]:
    """The criteria of every SLO in a file of OpenSLO v1 documents, those of :func:`slo` for each.

    An SLO with several objectives is one for each, named ``NAME_1``, ``NAME_2`` and so on. Without
    ``timeWindow`` the period is 30 days.

    Args:
        path: the file; a relative one starts at the working directory.

    Raises:
        ConfigurationError: the file cannot be read, is not valid, or has something that is not
            supported; the message names the line.
    """
    if not isinstance(path, str | Path):
        raise ConfigurationError(f"openslo({path!r}): write the path of a file, such as 'slo.yaml'")
    known = _Documents.of(map(_Object.of, documents(Path(path))))
    if not known.slos:
        raise ConfigurationError(f"openslo({str(path)!r}): no document in it is of kind SLO")
    return [criterion for one in known.slos for criterion in _criteria(one, known)]


class _Object(NamedTuple):
    """A document: its kind, its name and its ``spec``."""

    kind: str
    name: str
    title: str
    spec: Node
    document: Node

    @classmethod
    def of(cls, document: Node) -> _Object:
        keys = _keys(document, "apiVersion", "kind", "metadata", "spec")
        version = document.needed(keys, "apiVersion")
        if version.text() != _VERSION:
            version.refuse(f"apiVersion {printable(version.text())} is not read; write {_VERSION}")
        kind = document.needed(keys, "kind")
        if kind.text() in _REFUSED:
            kind.refuse(f"kind {kind.text()} is not supported: {_REFUSED[kind.text()]}")
        if kind.text() not in _READ:
            kind.refuse(
                f"kind {printable(kind.text())} is unknown, {did_you_mean(kind.text(), _READ)}"
            )
        name, title = _named(document.needed(keys, "metadata"))
        # All that a Service may say is optional.
        spec = keys.get("spec") if kind.text() == "Service" else document.needed(keys, "spec")
        return cls(kind.text(), name, title, spec or document.nothing("spec"), document)


class _Indicator(NamedTuple):
    """The queries of an SLI, with ``$window``."""

    bad: str
    total: str


class _Documents(NamedTuple):
    """What a file has. All of it is read, whether or not something refers to it."""

    slos: list[_Object]
    indicators: Mapping[str, _Indicator]
    sources: frozenset[str]

    @classmethod
    def of(cls, objects: Iterable[_Object]) -> _Documents:
        found: dict[tuple[str, str], _Object] = {}
        for one in objects:
            if found.setdefault((one.kind, one.name), one) is not one:
                one.document.refuse(f"{one.kind} {one.name} stands twice")
        for one in found.values():
            if one.kind == "Service":
                _texts(_keys(one.spec, "description"), "description")
            elif one.kind == "DataSource":
                keys = _keys(one.spec, "description", "type")
                _texts(keys, "description")
                _refuse_other_source(one.spec.needed(keys, "type"))
        sources = frozenset(name for kind, name in found if kind == "DataSource")
        indicators = {
            name: _indicator(one.spec, sources)
            for (kind, name), one in found.items()
            if kind == "SLI"
        }
        slos = [one for one in found.values() if one.kind == "SLO"]
        return cls(slos, indicators, sources)


def _criteria(one: _Object, known: _Documents) -> list[Criterion]:
    keys = _keys(one.spec, *_OF_SLO)
    _texts(keys, "description", "service")
    if "alertPolicies" in keys and keys["alertPolicies"].items():
        keys["alertPolicies"].refuse(f"alertPolicies is not supported: {_REFUSED['alertPolicies']}")
    method = one.spec.needed(keys, "budgetingMethod")
    if method.text() != _METHOD:
        method.refuse(
            f"budgetingMethod {printable(method.text())} is not supported; write {_METHOD}"
        )
    bad, total = _indicator_of(one, keys, known)
    period = _period(keys["timeWindow"]) if "timeWindow" in keys else _PERIOD
    objectives = one.spec.needed(keys, "objectives").items()
    if not objectives:
        keys["objectives"].refuse("objectives is empty; write one with a target")
    several = len(objectives) > 1
    found: list[Criterion] = []
    for number, objective in enumerate(objectives, 1):
        share, title = _objective(objective)
        name = f"{one.name}_{number}" if several else one.name
        percent = f"{share * 100:f}".rstrip("0").rstrip(".") + " %"
        titles = (one.title or one.name, title or percent) if several else (one.title or title,)
        try:
            found += slo(
                name,
                objective=float(share),
                bad=bad,
                total=total,
                period=period,
                title=": ".join(filter(None, titles)),
            )
        except ConfigurationError as error:
            objective.refuse(str(error))
    return found


def _indicator_of(one: _Object, keys: Mapping[str, Node], known: _Documents) -> _Indicator:
    given, node = one.spec.only(keys, "indicator", "indicatorRef")
    if given == "indicator":
        inline = _keys(node, "metadata", "spec")
        if "metadata" in inline:
            _named(inline["metadata"])
        return _indicator(node.needed(inline, "spec"), known.sources)
    if node.text() not in known.indicators:
        node.refuse(
            f"indicatorRef {printable(node.text())} is not an SLI of this file, "
            f"{did_you_mean(node.text(), known.indicators)}"
        )
    return known.indicators[node.text()]


def _indicator(spec: Node, sources: frozenset[str]) -> _Indicator:
    keys = _keys(spec, "description", "ratioMetric")
    _texts(keys, "description")
    ratio = spec.needed(keys, "ratioMetric")
    keys = _keys(ratio, "counter", "good", "bad", "total")
    counter = "counter" in keys and keys["counter"].boolean()
    given, node = ratio.only(keys, "bad", "good")
    events = _query(node, sources, counter=counter)
    total = _query(ratio.needed(keys, "total"), sources, counter=counter)
    if given == "bad":
        return _Indicator(events, total)
    if mixed(events, total):
        node.refuse("one of good and total has rate(), the other increase(); write one in both")
    every = operand(total)
    # Without a good series every event is bad. More good events than events are no data.
    return _Indicator(f"{every} - {operand(events)} or {every}", total)


def _query(metric: Node, sources: frozenset[str], *, counter: bool) -> str:
    source = metric.needed(_keys(metric, "metricSource"), "metricSource")
    keys = _keys(source, "metricSourceRef", "type", "spec")
    if "type" in keys:
        _refuse_other_source(keys["type"])
    if "metricSourceRef" in keys and keys["metricSourceRef"].text() not in sources:
        reference = keys["metricSourceRef"]
        reference.refuse(
            f"metricSourceRef {printable(reference.text())} is not a DataSource of this file, "
            f"{did_you_mean(reference.text(), sources)}"
        )
    if not {"type", "metricSourceRef"} & set(keys):
        source.refuse(f"metricSource has no type; write type: {_SOURCE}")
    spec = source.needed(keys, "spec")
    query = spec.needed(_keys(spec, "query"), "query")
    try:
        return windowed(query.text(), counter=counter)
    except ConfigurationError as error:
        query.refuse(f"query {printable(query.text())!r}: {error}")


def _objective(node: Node) -> tuple[Decimal, str]:
    """The share of good events, and the title."""
    composite = ("indicator", "indicatorRef")
    keys = _keys(node, "displayName", "target", "targetPercent", *composite)
    for name in composite:
        if name in keys:
            keys[name].refuse(
                f"{name} of an objective is not supported: {_REFUSED['compositeWeight']}"
            )
    given, target = node.only(keys, "target", "targetPercent")
    share = target.number() if given == "target" else target.number() / 100
    return share, keys["displayName"].text() if "displayName" in keys else ""


def _period(node: Node) -> str:
    windows = node.items()
    if len(windows) != 1:
        node.refuse(f"timeWindow has {counted(len(windows), 'item')}; write one")
    keys = _keys(windows[0], "duration", "isRolling")
    duration = windows[0].needed(keys, "duration")
    if not windows[0].needed(keys, "isRolling").boolean():
        keys["isRolling"].refuse(f"isRolling: false is not supported: {_REFUSED['calendar']}")
    if not _DURATION.fullmatch(duration.text()):
        duration.refuse(
            f"duration {printable(duration.text())} is not supported; write whole m, h, d or w, "
            "such as 30d: M, Q and Y are not always equally long"
        )
    return duration.text()


def _named(metadata: Node) -> tuple[str, str]:
    """The name and, where there is one, the title."""
    keys = _keys(metadata, "name", "displayName", "labels", "annotations")
    name = metadata.needed(keys, "name")
    if not _NAME.fullmatch(name.text()):
        name.refuse(
            f"name {printable(name.text())!r} is not valid; write up to 63 lowercase letters, "
            "digits and -, with a letter or a digit first and last"
        )
    if "labels" in keys:
        for one in _keys(keys["labels"]).values():
            for text in one.items() if one.is_list else [one]:
                text.text()
    if "annotations" in keys:
        annotations = _keys(keys["annotations"])
        _texts(annotations, *annotations)
    return name.text(), keys["displayName"].text() if "displayName" in keys else ""


def _refuse_other_source(type_: Node) -> None:
    if type_.text().lower() != _SOURCE.lower():
        type_.refuse(f"type {printable(type_.text())} is not supported; write {_SOURCE}")


def _keys(node: Node, *allowed: str) -> dict[str, Node]:
    return node.mapping(*allowed, refused=_REFUSED)


def _texts(keys: Mapping[str, Node], *names: str) -> None:
    """Refuse what is not a text."""
    for name in names:
        if name in keys:
            keys[name].text()
