"""How much traffic a criterion needs, as PromQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.text import SAME
from pytest_deploygate.promql.expressions import (
    Expressions,
    NotExpressible,
    either,
    grouped,
    label_name,
    literal,
)


def with_enough(found: Expressions, criterion: Criterion) -> Expressions | NotExpressible:
    """The same, where series with too little traffic cannot be judged."""
    enough = criterion.enough
    if enough is None or enough.least <= 0:
        return found
    labels = _labels(enough.query)
    if labels is None:
        why = "the query of its traffic is not a sum of named labels, such as sum by (mode) (...)"
        return NotExpressible(why, found.value)
    least = f"{literal(enough.least)} * (1 - {literal(SAME)})"
    on = ", ".join(map(label_name, sorted(labels)))
    busy = f"and on ({on}) {grouped(f'{grouped(enough.query.strip())} >= {least}')}"
    judged, every, graded = map(grouped, (found.judged, found.every, found.graded))
    return replace(
        found,
        judged=f"{judged} {busy}",
        every=either(f"{every} {busy}", f"0 * {every}"),
        graded=either(f"{graded} {busy}", f"0.5 + 0 * {graded}"),
    )


def _labels(query: str) -> frozenset[str] | None:
    """The labels of a sum; None if the query is none, or its labels are not named."""
    import promql_parser as promql

    try:
        node: Any = promql.parse(query)
    except ValueError:
        return None
    while isinstance(node, promql.ParenExpr):
        node = node.expr
    if not isinstance(node, promql.AggregateExpr):
        return None
    if node.modifier is None:
        return frozenset()
    named = node.modifier.type == promql.AggModifierType.By
    return frozenset(node.modifier.labels) if named else None
