"""The gate's own metrics in the Prometheus text format.

The text is read by node_exporter's textfile collector, by Prometheus itself and by GitLab's
metrics report, which cuts every line at a ``#``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.text import printable
from pytest_deploygate.core.verdict import Verdict

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

_VERDICTS = {Verdict.GO: 1.0, Verdict.WARNING: 0.5, Verdict.NO_GO: 0.0}
_STATUSES = {Status.GO: 1.0, Status.WAIVED: 1.0, Status.WARNING: 0.5, Status.NO_GO: 0.0}
_STATUS_HELP = "Verdict: 1 GO, 0.5 WARNING, 0 NO-GO."
_CHECK_STATUS_HELP = "Check: 1 GO or waived, 0.5 WARNING, 0 NO-GO; no series if it was skipped."


def render(report: GateReport) -> str:
    """The Prometheus text format."""
    from prometheus_client import generate_latest

    return generate_latest(_registry(report)).decode("utf-8")


class _Gauges:
    """The metrics of a report, for a registry of prometheus_client."""

    def __init__(self, report: GateReport) -> None:
        self._report = report
        environment = label_value(report.environment)
        self._shared = {"environment": environment} if environment else {}

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        report = self._report
        checks = list(_labelled(report.results))
        yield self._single("status", _STATUS_HELP, _VERDICTS[report.verdict])
        yield self._checks("status", _CHECK_STATUS_HELP, checks, lambda r: _STATUSES[r.status])
        yield self._checks("value", "Measured value, in its own unit.", checks, lambda r: r.value)
        yield self._checks(
            "threshold",
            "Threshold of the check, in the unit of its value.",
            checks,
            lambda r: r.threshold,
        )
        yield self._single(
            "partial", "1 if checks were left out, else 0.", float(bool(report.partial))
        )
        yield self._single("duration_seconds", "Duration of the run.", report.duration)
        finished = report.started_at + report.duration
        yield self._single(
            "last_run_timestamp_seconds", "Unix time at which the run ended.", finished
        )

    def _single(self, name: str, text: str, value: float) -> Metric:
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(f"deployment_gate_{name}", text, labels=list(self._shared))
        family.add_metric(list(self._shared.values()), value)
        return family

    def _checks(
        self,
        name: str,
        text: str,
        checks: Iterable[tuple[str, Result]],
        value: Callable[[Result], float | None],
    ) -> Metric:
        from prometheus_client.core import GaugeMetricFamily

        labels = ["check", "severity", *self._shared]
        family = GaugeMetricFamily(f"deployment_gate_check_{name}", text, labels=labels)
        for check, result in checks:
            if (number := value(result)) is not None:
                values = [check, result.severity.value, *self._shared.values()]
                family.add_metric(values, number)
        return family


def _registry(report: GateReport) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(report))
    return registry


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
