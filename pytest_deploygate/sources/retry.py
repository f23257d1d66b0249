"""Queries are sent again after an error that may be over soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pytest_deploygate.core.errors import SourceError, TransientError
from pytest_deploygate.core.series import Measurement

if TYPE_CHECKING:
    import tenacity

_ATTEMPTS = 5
_OUTAGE = 2.0  # seconds; whoever deploys waits for it


class Retry:
    """Sends queries again, with growing pauses.

    One outage costs one waiting time of two seconds, not one for each query. The queries after it
    are sent at most twice, until one is answered. If the server says when to try again, that
    time is used, unless it is after the deadline.
    """

    def __init__(self) -> None:
        self._failing_since: float | None = None

    def __call__(self, ask: Callable[[], Measurement], deadline: float) -> Measurement:
        """The answer to a query.

        Args:
            ask: one attempt.
            deadline: on the monotonic clock, in seconds.

        Raises:
            SourceError: that of the last attempt.
        """
        try:
            return self._attempt(ask)
        except TransientError as error:
            return self._again(ask, deadline, error)

    def _again(
        self, ask: Callable[[], Measurement], deadline: float, first: TransientError
    ) -> Measurement:
        """The attempts after the first one. A healthy server costs no import of tenacity."""
        import tenacity

        failed = iter([first])

        def attempt() -> Measurement:
            for error in failed:
                raise error
            return self._attempt(ask)

        growing = tenacity.wait_random_exponential(multiplier=0.3, min=0.1, max=2.0)

        def pause(state: tenacity.RetryCallState) -> float:
            asked = _retry_after(state)
            return growing(state) if asked is None else asked

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=pause,
            stop=partial(self._is_over, deadline),
            reraise=True,
        )
        return retrying(attempt)

    def _attempt(self, ask: Callable[[], Measurement]) -> Measurement:
        try:
            answer = ask()
        except TransientError:
            self._failing_since = self._failing_since or time.monotonic()
            raise
        except SourceError:
            self._failing_since = None
            raise
        self._failing_since = None
        return answer

    def _is_over(self, deadline: float, state: tenacity.RetryCallState) -> bool:
        now = time.monotonic()
        if state.attempt_number > 1 and _retry_after(state) is None:
            deadline = min(deadline, (self._failing_since or now) + _OUTAGE)
        return state.attempt_number >= _ATTEMPTS or now + state.upcoming_sleep >= deadline


def _retry_after(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, TransientError) else None
