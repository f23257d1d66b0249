"""What a kind is."""

from __future__ import annotations

from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend

Kind = Instant | Sustained | Trend | Runaway
