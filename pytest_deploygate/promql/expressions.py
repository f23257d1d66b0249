"""PromQL put together as text, laid out for people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent

from pytest_deploygate.core.durations import seconds, spoken

_SELECTOR = re.compile(r"[A-Za-z_:][\w:]*(\{[^{}\n#]*\})?")
_LABEL = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WIDTH = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Expressions:
    """How the series of one criterion are judged; the first four are instant vectors.

    Args:
        value: what is held against the limit.
        judged: 1 for a series that passes and 0 for one that does not, without those that cannot
            be judged.
        every: 0 for those that cannot be judged, too.
        graded: 0.5 for those that cannot be judged.
        baseline: a second line to draw, such as a multiple of an average; empty for none.
        baseline_title: what the baseline is called.
        condition: what makes a breach besides the limit, in words: ``the slope over 2h``.
        per_hour: whether the value is a change per hour.
        worst: the value of the worst series, where that is not the largest or smallest value.
    """

    value: str
    judged: str
    every: str
    graded: str
    baseline: str = ""
    baseline_title: str = ""
    condition: str = ""
    per_hour: bool = False
    worst: str = ""


@dataclass(frozen=True, slots=True)
class NotExpressible:
    """Why PromQL cannot express how a criterion is judged; ``value`` may still be drawn."""

    why: str
    value: str = ""


def literal(number: float) -> str:
    """A number: ``0.005``, ``2``, ``NaN``, ``Inf``."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Inf" if number > 0 else "-Inf"
    return re.sub(r"e([-+])0", r"e\1", repr(float(number)).removesuffix(".0"))


def duration(length: float) -> str:
    """Seconds as PromQL writes them, exact to the millisecond: ``2h``, ``90s``, ``250ms``."""
    text = spoken(length)
    exact = round(length) == length and seconds(text) == length
    return text if exact else f"{round(length * 1000)}ms"


def string(text: str) -> str:
    """A quoted string."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def label_name(name: str) -> str:
    """A label's name; OpenTelemetry's, such as ``service.name``, need quotes (Prometheus 3)."""
    return name if _LABEL.fullmatch(name) else string(name)


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """The series of a metric that carry these labels."""
    wanted = ", ".join(f"{label_name(name)}={string(text)}" for name, text in labels.items())
    return f"{metric}{{{wanted}}}" if wanted else metric


def grouped(expr: str) -> str:
    """An expression in parentheses; on lines of its own where it is long or has a comment."""
    if "\n" in expr or "#" in expr or len(expr) > _WIDTH:
        return f"(\n{indent(expr, '  ')}\n)"
    return f"({expr})"


def operand(expr: str) -> str:
    """An expression that any operator may stand beside."""
    return expr if _SELECTOR.fullmatch(expr) else grouped(expr)


def call(function: str, expr: str) -> str:
    """A function or an aggregation of one expression."""
    return function + grouped(expr)


def either(*exprs: str) -> str:
    """The first of the expressions that has a sample, for each label set."""
    line = " or ".join(exprs)
    if "\n" in line or len(line) > _WIDTH:
        return "\nor\n".join(indent(expr, "  ") for expr in exprs)
    return line


def otherwise(expr: str, fallback: str) -> str:
    """The expression, or one sample where it has none."""
    between = "\n" if "\n" in expr or len(expr) > _WIDTH else " "
    return f"{expr}{between}or vector({fallback})"


def labelled(expr: str, name: str, text: str) -> str:
    """The same with a label; an empty text takes it away."""
    label = f'{string(name)}, {string(text.replace("$", "$$"))}, "", ""'
    return f"label_replace(\n{indent(expr, '  ')},\n  {label}\n)"


def commented(expr: str, comment: str) -> str:
    """The same under a comment of one line."""
    return f"# {comment}\n{expr}"


def selecting(expr: str, labels: Mapping[str, str]) -> str:
    """Only the series that carry these labels."""
    if not labels:
        return expr
    wanted = "vector(1)"
    for name, text in labels.items():
        wanted = labelled(wanted, name, text)
    return f"{operand(expr)}\nand on ({', '.join(map(label_name, labels))})\n{wanted}"
