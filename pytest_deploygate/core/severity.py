"""The severity of a check."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """What a breach of a criterion means for the deployment."""

    CRITICAL = "critical"
    WARNING = "warning"
