"""The gate's own metrics in the Prometheus text format.

The text is read by node_exporter's textfile collector, by Prometheus itself and by GitLab's
metrics report, which cuts every line at a ``#``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.text import printable
from pytest_deploygate.core.verdict import Verdict

_VERDICTS = {Verdict.GO: 1.0, Verdict.WARNING: 0.5, Verdict.NO_GO: 0.0}
_STATUSES = {Status.GO: 1.0, Status.WAIVED: 1.0, Status.WARNING: 0.5, Status.NO_GO: 0.0}
_STATUS_HELP = "Verdict: 1 GO, 0.5 WARNING, 0 NO-GO."
_CHECK_STATUS_HELP = "Check: 1 GO or waived, 0.5 WARNING, 0 NO-GO; no series if it was skipped."


def render(report: GateReport) -> str:
    """The Prometheus text format.

    It is written here, and not by prometheus_client: that takes as long to import as a thousand
    checks to judge, and spells the labels of a check out again for each of its metrics.
    Source: https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    return "".join(_families(report))


def _families(report: GateReport) -> Iterator[str]:
    """Every metric: what it is, and its samples."""
    environment = label_value(report.environment)
    shared = {"environment": environment} if environment else {}
    own = _labels(shared)
    checks = [
        (_labels({"check": name, **shared, "severity": result.severity.value}), result)
        for name, result in _labelled(report.results)
    ]
    yield _family("status", _STATUS_HELP, [(own, _VERDICTS[report.verdict])])
    statuses = [(labels, _STATUSES[one.status]) for labels, one in checks]
    yield _family("check_status", _CHECK_STATUS_HELP, statuses)
    values = [(labels, one.value) for labels, one in checks]
    yield _family("check_value", "Measured value, in its own unit.", values)
    limits = [(labels, one.threshold) for labels, one in checks]
    yield _family("check_threshold", "Threshold of the check, in the unit of its value.", limits)
    partial = float(bool(report.partial))
    yield _family("partial", "1 if checks were left out, else 0.", [(own, partial)])
    yield _family("duration_seconds", "Duration of the run.", [(own, report.duration)])
    ended = report.started_at + report.duration
    yield _family("last_run_timestamp_seconds", "Unix time at which the run ended.", [(own, ended)])


def _family(name: str, text: str, samples: Iterable[tuple[str, float | None]]) -> str:
    name = f"deployment_gate_{name}"
    lines = [f"{name}{labels} {_number(one)}\n" for labels, one in samples if one is not None]
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{''.join(lines)}"


def _labels(values: Mapping[str, str]) -> str:
    shown = ",".join([f'{name}="{_escaped(value)}"' for name, value in values.items()])
    return f"{{{shown}}}" if shown else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    """A float as the format has it; Python writes NaN and infinity in its own way."""
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"


def _labelled(results: Iterable[Result]) -> Iterator[tuple[str, Result]]:
    """What was judged, each with a unique label: duplicate samples make the text invalid."""
    taken: set[str] = set()
    for result in results:
        label = name = label_value(result.id)
        for number in count(2):
            if label not in taken:
                break
            label = f"{name}-{number}"
        taken.add(label)
        if result.status is not Status.SKIPPED:
            yield label, result


def label_value(text: str) -> str:
    """A text as the value of a label; GitLab would cut the line at a ``#``."""
    return printable(text, len(text)).replace("#", r"\x23")
