"""``deploygate rules``: the criteria as Prometheus rules, and alerts on them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from textwrap import fill, indent
from typing import Any

from pytest_deploygate.cli import states as promql
from pytest_deploygate.cli import wording
from pytest_deploygate.cli.gate import Gate, gate_of, write
from pytest_deploygate.cli.gate import add_arguments as add_shared
from pytest_deploygate.core.criterion import Criterion, Severity
from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.promql.expressions import duration, literal, selector

HELP = "print Prometheus rules: the criteria's values and states, the verdict, and alerts"
VALUE = "deploygate:criterion_value"
STATUS = "deploygate:criterion_status"
JUDGED = "deploygate:criterion_judged"
GATE = "deploygate:status"
LAST_RUN = "deployment_gate_last_run_timestamp_seconds"
_FOR = "30m"

Rule = Mapping[str, Any]

_HEADER = f"""\
The deployment gate as Prometheus rules, made by

  {{command}}

Do not edit: run it again when a criterion or a threshold changes.

{VALUE}   the value of the criterion's worst series; a trend's per hour
{STATUS}  1 GO, 0.5 WARNING, 0 NO-GO; NaN: without data, not counted
{JUDGED}  1 if what could be judged of a critical criterion passes, else 0
{GATE}            1, 0.5 or 0: what a gate run would say now

In the expressions, "x >= -Inf" drops NaN (0/0, nothing was counted), "x % Inf" makes NaN of
infinity, which keeps to no limit, and what differs from a limit by a billionth (1e-9) is equal
to it. min() and max() pass NaN over.

Not in here: waivers, and what only a gate run can notice, such as warnings of the server. If a
rule cannot be evaluated, {GATE} is 0.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate rules``."""
    add_shared(parser)
    parser.add_argument(
        "--interval",
        metavar="TIME",
        default="1m",
        help="how often the rules are evaluated (default %(default)s)",
    )
    parser.add_argument(
        "--max-age",
        metavar="TIME",
        default="25h",
        help="alert if no gate run has reported for so long (default %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the rules."""
    interval, max_age = seconds(arguments.interval), seconds(arguments.max_age)
    gate = gate_of("rules", arguments.pytest_arguments)
    return write(rule_file(gate, interval=interval, max_age=max_age), arguments.output)


def rule_file(gate: Gate, *, interval: float, max_age: float) -> str:
    """The text of the file.

    Args:
        gate: whose criteria.
        interval: seconds between evaluations.
        max_age: seconds after which a gate that has not reported is missed.
    """
    name = f"deploygate-{gate.environment}" if gate.environment else "deploygate"
    recorded = "\n".join(map(_block, _recording(gate)))
    alerts = "\n".join(_block(("", rule)) for rule in _alerts(gate, max_age))
    return (
        f"{_comment(_header(gate))}\n"
        f"groups:\n{_yaml([{'name': name, 'interval': duration(interval)}], 2)}"
        f"    rules:\n{recorded}\n"
        f"{_yaml([{'name': f'{name}-alerts'}], 2)}"
        f"    rules:\n{alerts}"
    )


def _header(gate: Gate) -> str:
    text = _HEADER.format(command=gate.command)
    if gate.others:
        tests = "1 test" if gate.others == 1 else f"{gate.others} tests"
        text += f"\nNot in here either: {tests} of this gate without a criterion.\n"
    for criterion, form in gate.unexpressed:
        text += f"\nNot in here either: {wording.title(criterion)}: {form.why}.\n"
    return text


def _recording(gate: Gate) -> Iterator[tuple[str, Rule]]:
    """Each rule and the comment above it."""
    for criterion in gate.criteria:
        labels = {"criterion": criterion.id, "severity": criterion.level.value, **gate.labels}
        yield _about(criterion), _record(VALUE, promql.value(criterion), labels)
        yield "", _record(STATUS, promql.state(criterion), labels)
        if criterion.level is Severity.CRITICAL:
            yield "", _record(JUDGED, promql.judged(criterion), labels)
    for criterion, form in gate.unexpressed:
        if form.value:
            labels = {"criterion": criterion.id, "severity": criterion.level.value, **gate.labels}
            yield _about(criterion), _record(VALUE, promql.worst(criterion, form.value), labels)
    yield (
        "The verdict: the worst check decides, and a blind gate is NO-GO.",
        _record(GATE, _gate_state(gate), gate.labels),
    )


def _about(criterion: Criterion) -> str:
    return "\n".join(
        [wording.title(criterion), wording.rule(criterion), *wording.caveats(criterion)]
    )


def _record(name: str, expr: str, labels: Mapping[str, str]) -> Rule:
    return {"record": name, **({"labels": dict(labels)} if labels else {}), "expr": expr}


def _gate_state(gate: Gate) -> str:
    """Like ``promql.gate_state``, by the recorded states; one that is missing makes it 0."""
    states = selector(STATUS, gate.labels)
    factors = [
        f"min({states} or vector(1))",
        _sighted(gate),
        f"(count({states}) == bool {len(gate.criteria)})",
    ]
    return "\n* ".join(factors) + "\nor vector(0)"


def _sighted(gate: Gate) -> str:
    """A state does not tell whether nothing was judged or only a part."""
    if any(one.level is Severity.CRITICAL for one in gate.criteria):
        return f"(max({selector(JUDGED, gate.labels)}) == bool 1)"
    return f"(max({selector(STATUS, gate.labels)}) >= bool 0)"


def _alerts(gate: Gate, max_age: float) -> Iterator[Rule]:
    shared, expected = gate.labels, len(gate.criteria)
    reported, last_run = selector("deployment_gate_status", shared), selector(LAST_RUN, shared)
    states = selector(STATUS, shared)
    yield _alert(
        "DeploymentGateNoGo",
        f"{reported} == 0",
        lasting=_FOR,
        summary="Deployment gate has been NO-GO for 30+ minutes",
        action="Investigate and fix issues preventing deployment",
    )
    yield _alert(
        "DeploymentGateWouldBlock",
        f"{selector(GATE, shared)} == 0",
        lasting=_FOR,
        summary="Production has been NO-GO for 30+ minutes: a deployment would be blocked",
        action=f"Fix what is NO-GO: {_names(f'{states} == 0')}",
    )
    yield _alert(
        "DeploymentGateNotReporting",
        f"absent({last_run})\nor time() - {last_run} > {literal(max_age)}",
        lasting="15m",
        summary=f"No run of the deployment gate has reported for {spoken(max_age)}, or none ever",
        action="Check the scheduled gate run and its --gate-pushgateway or --gate-metrics",
    )
    yield _alert(
        "DeploymentGateRulesIncomplete",
        f"(count({states}) or vector(0)) != {expected}",
        lasting="15m",
        summary=f"{{{{ $value }}}} of {expected} criteria of the deployment gate have a state",
        action="Find the rule that cannot be evaluated on Prometheus' page of rules",
    )


def _alert(name: str, expr: str, *, lasting: str, summary: str, action: str) -> Rule:
    return {
        "alert": name,
        "expr": expr,
        "for": lasting,
        "labels": {"severity": "warning"},
        "annotations": {"summary": summary, "action": action},
    }


def _names(query: str) -> str:
    """An alert's template for the criteria that a query finds."""
    each = "{{ if $n }}, {{ end }}{{ $found.Labels.criterion }}"
    none = "{{ else }}no check, the gate is blind{{ end }}"
    return f"{{{{ range $n, $found := query `{query}` }}}}{each}{none}"


def _block(commented: tuple[str, Rule]) -> str:
    comment, rule = commented
    return (indent(_comment(comment), " " * 6) if comment else "") + _yaml([rule], 6)


def _comment(text: str) -> str:
    lines = [fill(line, 96) if len(line) > 96 else line for line in text.splitlines()]
    return indent("\n".join(lines) + "\n", "# ", lambda line: True).replace("# \n", "#\n")


def _yaml(data: Any, by: int) -> str:
    """YAML, indented; text of several lines as a block."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)

    Dumper.add_representer(str, text)
    dumped = yaml.dump(data, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return indent(dumped, " " * by)
