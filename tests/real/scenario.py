"""What a row of the scenario table is made of: a production state, a verdict, and who is to blame.

A check that a row does not name must be GO.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.production import Production, production

GO, WARNING, NO_GO, SKIPPED = "GO", "WARNING", "NO_GO", "SKIPPED"

LENGTH = 8100.0
"""Seconds that are scraped: two hours, and what they look back to."""

# What a breach means: the design's table, not the code under test.
SEVERITIES = {
    "targets_up": NO_GO,
    "schema_failure_rate": NO_GO,
    "api_error_rate": NO_GO,
    "fast_p95_latency": NO_GO,
    "balanced_p95_latency": NO_GO,
    "creative_p95_latency": WARNING,
    "creative_p95_sustained": NO_GO,
    "rl_reward_trend": WARNING,
    "rl_loss_runaway": NO_GO,
    "fast_cache_hit_rate": WARNING,
    "balanced_cache_hit_rate": WARNING,
    "vram_headroom": NO_GO,
    "cpu_usage": WARNING,
    "memory_usage": WARNING,
}


@dataclass(frozen=True)
class Expected:
    """One check: why it has its status, and the words and labels that its message holds.

    The status is that of the check's severity when None.
    """

    reason: str
    words: tuple[str, ...]
    status: str | None = None


def go(*words: str) -> Expected:
    """The check passes, and says so in these words."""
    return Expected("ok", words, GO)


def breach(*words: str) -> Expected:
    """Measured, and bad."""
    return Expected("breach", words)


def unclear(*words: str) -> Expected:
    """Answered, but not so that it can be judged: counts like a breach."""
    return Expected("error", words)


def no_data(*words: str) -> Expected:
    """Nothing was measured, or not everything: WARNING whatever the severity."""
    return Expected("no-data", words, WARNING)


def skipped(*words: str) -> Expected:
    """Nothing was measured, and nothing needs to be."""
    return Expected("no-data", words, SKIPPED)


@dataclass(frozen=True)
class Scenario:
    """One row of the table.

    Args:
        name: what production is like.
        change: makes it so, out of a healthy production.
        verdict: ``GO``, ``WARNING`` or ``NO_GO``.
        checks: what is expected of the checks that are named; the others are GO.
        later: how many seconds after the last scrape it is judged.
        scraped: the scrape interval in seconds.
        instances: how many instances each job has.
        settings: ``--gate-set`` for this row.
    """

    name: str
    change: Callable[[Production], Production]
    verdict: str
    checks: Mapping[str, Expected]
    later: float = 0.0
    scraped: float = 60.0
    instances: int = 2
    settings: tuple[str, ...] = ()

    def production(self, end: float) -> Production:
        """The state whose last scrape is at ``end``, in Unix seconds."""
        return self.change(
            production(end, interval=self.scraped, length=LENGTH, instances=self.instances)
        )


def scenario(
    name: str,
    change: Callable[[Production], Production],
    verdict: str = GO,
    **checks: Expected,
) -> Scenario:
    """A row that is scraped and judged as usual."""
    unknown = checks.keys() - SEVERITIES.keys()
    if unknown:
        raise ValueError(f"{name}: there are no checks {sorted(unknown)}")
    return Scenario(name, change, verdict, checks)
