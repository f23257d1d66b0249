"""One place that asks: every query of a run once, concurrently, within the time that there is."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import Measurement, Query

if TYPE_CHECKING:
    from pytest_deploygate.sources.base import Source

_GRACE = 0.25  # a source is given this much, in seconds, to notice its own deadline


class _Question:
    def __init__(self, query: Query) -> None:
        self.query = query
        self.answer: Future[Measurement] = Future()
        self.started = threading.Event()
        self.deadline = 0.0


class Measurements:
    """Asks a source in the background and remembers every answer, errors included.

    Its threads end when nothing is left to ask. They are daemons: a source that hangs must not
    keep the process from ending.

    Args:
        source: who is asked.
        concurrency: the most queries under way at once.
        query_timeout: the longest time for one query, in seconds.
        run_timeout: the longest time for all of them, in seconds; it passes while one is asked.
    """

    def __init__(
        self, source: Source, *, concurrency: int, query_timeout: float, run_timeout: float
    ) -> None:
        self.source = source
        self._concurrency = concurrency
        self._query_timeout = query_timeout
        self._run_timeout = self._run_left = run_timeout
        self._run_end = 0.0
        self._questions: dict[Query, _Question] = {}
        self._waiting: deque[_Question] = deque()
        self._threads = 0
        self._lock = threading.Lock()

    def prefetch(self, queries: Iterable[Query]) -> None:
        """Begin to ask what has not been asked yet."""
        for query in queries:
            if query not in self._questions:
                self._begin(query)

    def ask(self, query: Query) -> Measurement:
        """The answer to a query; waits for it, and only for it.

        Raises:
            SourceError: the source could not answer, or not in time.
        """
        if query not in self._questions:
            self._begin(query)
        question = self._questions[query]
        if question.answer.done():
            return question.answer.result()
        if not question.started.wait(self._left(self._run_end)):
            raise self._too_late()
        try:
            return question.answer.result(self._left(question.deadline) + _GRACE)
        except TimeoutError:
            raise self._unanswered(f"no answer within {spoken(self._query_timeout)}") from None

    def progress(self, queries: Iterable[Query]) -> Iterator[tuple[int, int]]:
        """How many queries are answered, of how many, ten times a second until these are."""
        awaited = [self._questions[query].answer for query in queries]
        asked = [question.answer for question in self._questions.values()]
        while self._left(self._run_end) and not all(answer.done() for answer in awaited):
            yield sum(answer.done() for answer in asked), len(asked)
            wait(awaited, timeout=0.1)

    def answers(self) -> dict[Query, Measurement | SourceError]:
        """Everything that was asked and what came of it."""
        return {query: _outcome(question) for query, question in self._questions.items()}

    @property
    def in_vain(self) -> bool:
        """Whether something was asked, and nothing of it was answered."""
        return bool(self._questions) and all(map(_failed, self._questions.values()))

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - time.monotonic())

    def _too_late(self) -> SourceError:
        return self._unanswered(f"{spoken(self._run_timeout)} for all queries are over")

    def _unanswered(self, why: str) -> SourceError:
        return SourceError(
            f"{self.source.info.location}: {why}; check the server's load, --gate-query-timeout "
            "and --gate-timeout"
        )

    def _begin(self, query: Query) -> None:
        with self._lock:
            if query in self._questions:  # another thread of the test was faster
                return
            self._questions[query] = question = _Question(query)
            self._waiting.append(question)
            if self._threads == self._concurrency:
                return
            if not self._threads:
                self._run_end = time.monotonic() + self._run_left
            self._threads += 1
        threading.Thread(target=self._work, name="deploygate-query", daemon=True).start()

    def _work(self) -> None:
        while question := self._next():
            self._answer(question)

    def _next(self) -> _Question | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            if not self._threads:
                self._run_left = self._left(self._run_end)
            return None

    def _answer(self, question: _Question) -> None:
        question.deadline = min(time.monotonic() + self._query_timeout, self._run_end)
        question.started.set()
        if not self._left(question.deadline):
            question.answer.set_exception(self._too_late())
            return
        try:
            question.answer.set_result(self.source.ask(question.query, question.deadline))
        except SourceError as error:
            question.answer.set_exception(error)
        except Exception as error:  # the source is broken, and the check must say so
            question.answer.set_exception(SourceError(f"{type(error).__name__}: {error}"))


def _failed(question: _Question) -> bool:
    return not question.answer.done() or question.answer.exception() is not None


def _outcome(question: _Question) -> Measurement | SourceError:
    if not question.answer.done():
        return SourceError("no answer in time")
    error = question.answer.exception()
    if isinstance(error, SourceError):
        return error
    return question.answer.result()
