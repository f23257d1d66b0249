"""What an attestation says of the criteria: ids, queries, and limits after thresholds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import is_dataclass

from pytest_deploygate.core.criterion import Criterion, number
from pytest_deploygate.core.text import printable


def described(criterion: Criterion) -> str:
    """A criterion, resolved, in one line; the same for the same question."""
    return json.dumps(
        {
            "id": printable(criterion.id),
            "query": criterion.query,
            "kind": repr(criterion.kind) if is_dataclass(criterion.kind) else _name(criterion.kind),
            "severity": criterion.level.value,
            "comparison": criterion.comparison.keyword,
            "limits": [number(limit) for limit in criterion.limits],
        }
    )


def _name(kind: object) -> str:
    """Of a kind without fields: its repr may hold an address."""
    return type(kind).__name__ if kind is not None else "Instant"


def described_id(text: str) -> str:
    """The id of a criterion that was described."""
    return str(json.loads(text)["id"])


def sha256(content: str | bytes) -> str:
    """The digest in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
