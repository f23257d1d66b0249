"""The selectors in a PromQL expression: metrics and labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_deploygate.promql.narrowing import matchers_of

_NAME = "__name__"


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector of an expression: a metric, and its labels with an exact value (``=``)."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def expr(self) -> str:
        """PromQL for all series of this metric."""
        return selecting(self.metric)


def selecting(metric: str) -> str:
    """PromQL for all series of a metric, whatever characters its name contains."""
    return f"{{{_NAME}={json.dumps(metric, ensure_ascii=False)}}}"


def selectors(query: str) -> tuple[Selector, ...] | None:
    """The selectors of an expression that name their metric, without duplicates.

    None if the parser rejects the expression, such as an extension of MetricsQL.
    """
    found = _parsed(query)
    if found is None:
        return None
    return tuple(dict.fromkeys(one for node in found for one in _selector(node)))


def needed_labels(query: str) -> tuple[tuple[str, str], ...]:
    """Each metric of an expression with each label that its selectors require, whatever its value.

    Nothing if the parser rejects the expression.
    """
    pairs = (
        (selector.metric, matcher.name)
        for node in _parsed(query) or ()
        for selector in _selector(node)
        for matcher in matchers_of(node)
        if matcher.name != _NAME and not matcher.takes_missing
    )
    return tuple(dict.fromkeys(pairs))


def _parsed(query: str) -> list[Any] | None:
    """The selectors as the parser has them."""
    import promql_parser

    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    try:
        promql_parser.walk(promql_parser.parse(query), pre_visit=visit)
    except ValueError:
        return None
    return found


def _selector(node: Any) -> Iterator[Selector]:
    from promql_parser import MatchOp

    equal = {m.name: m.value for m in node.matchers.matchers if m.op == MatchOp.Equal}
    metric = node.name or equal.pop(_NAME, "")
    if metric:
        yield Selector(metric, tuple((name, value) for name, value in equal.items() if value))
