"""Count the events of a counter from zero where its series begins.

increase() does not see the value that a series begins with: an error that has a label of its own,
such as the first one of a path, would be none. A series that has fewer samples than its target in
a range, and had none in the range before, began in it: its target was scraped without it.
Whatever begins together with its target may have counted before, and counts from its second sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_deploygate.promql.expressions import literal
from pytest_deploygate.promql.tokens import Token, tokens

_TARGET = "job, instance, namespace, cluster, prometheus, prometheus_replica, replica"


class _Increase(NamedTuple):
    """A call of increase() for one selector: its place, and the parts of its argument."""

    start: int
    end: int
    metric: str
    selector: str
    length: str


def from_zero(expr: str, matchers: str, scale: float) -> str:
    """The expression, with every increase() of a selector counting from zero.

    Args:
        expr: PromQL. An increase() of a subquery, or with an offset, stays as it is.
        matchers: the matchers of the selectors that every series of a target has.
        scale: by how much increase() extrapolates, by which the counts from zero are multiplied.
    """
    parts, done = [], 0
    read = [token for token in tokens(expr) if token.kind != "comment"]
    for place in range(len(read)):
        if (found := _increase(expr, read[place:])) is not None:
            parts += [expr[done : found.start], _counted(found, matchers, scale)]
            done = found.end
    return "".join([*parts, expr[done:]])


def _counted(found: _Increase, matchers: str, scale: float) -> str:
    series, length = found.selector, found.length
    every = f"{found.metric}{{{matchers}}}" if matchers else found.metric
    return f"""\
(
    max_over_time({series}[{length}]) * {literal(scale)}
  unless
    present_over_time({series}[{length}] offset {length})
  and
    count_over_time({series}[{length}])
    < on ({_TARGET}) group_left ()
    max by ({_TARGET}) (count_over_time({every}[{length}]))
or
  increase({series}[{length}])
)"""


def _increase(expr: str, read: Sequence[Token]) -> _Increase | None:
    """The call that these tokens begin with, if it is one."""
    if len(read) < 7 or read[0].text != "increase" or read[1].text != "(" or read[2].kind != "name":
        return None
    at = 3
    if read[at].text == "{":
        at += 1 + next((n for n, one in enumerate(read[at:]) if one.text == "}"), len(read))
    closing = read[at : at + 4]
    if [one.text for one in closing[::2]] != ["[", "]"] or closing[-1].text != ")":
        return None
    metric, length = read[2], closing[1]
    selector = expr[metric.start : closing[0].start].strip()
    return _Increase(read[0].start, closing[-1].end, metric.text, selector, length.text)
