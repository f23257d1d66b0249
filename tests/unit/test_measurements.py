"""Every query once, at most so many at a time, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.engine.asking import Measurements

QUERIES: list[Query] = [InstantQuery(f"up > {number}", 0.0) for number in range(20)]
SOON = 60.0  # seconds, and the end of a test that has failed


class Source:
    """Answers each query with its own expression, once it may."""

    info = SourceInfo(kind="prometheus", location="http://here")

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked: list[Query] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def ask(self, query: Query, deadline: float) -> Measurement:
        with self._lock:
            self.asked.append(query)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.may_answer.wait(SOON)
        with self._lock:
            self.at_once -= 1
        if query is QUERIES[3]:
            raise SourceError("not this one")
        if query is QUERIES[4]:
            raise ZeroDivisionError("a mistake")
        return Measurement((Series({"expr": query.expr}, ((0.0, 1.0),)),))

    def notices(self) -> list[str]:
        return []


@pytest.fixture
def source() -> Iterator[Source]:
    source = Source()
    yield source
    source.may_answer.set()


def asking(source: Source, **limits: float) -> Measurements:
    given = {"concurrency": 4, "query_timeout": SOON, "run_timeout": SOON} | limits
    return Measurements(
        source,
        concurrency=int(given["concurrency"]),
        query_timeout=given["query_timeout"],
        run_timeout=given["run_timeout"],
    )


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_query_is_asked_once_and_gets_its_own_answer(source: Source) -> None:
    source.may_answer.set()
    measurements = asking(source)
    measurements.prefetch(QUERIES)
    measurements.prefetch(reversed(QUERIES))
    for query in [*QUERIES[:3], *QUERIES[5:]] * 2:
        assert measurements.ask(query).series[0].labels == {"expr": query.expr}
    assert sorted(source.asked, key=QUERIES.index) == QUERIES


def test_no_more_queries_are_under_way_than_allowed(source: Source) -> None:
    measurements = asking(source, concurrency=3)
    measurements.prefetch(QUERIES)
    wait_until(lambda: source.at_once == 3)
    source.may_answer.set()
    wait_until(lambda: len(source.asked) == len(QUERIES))
    assert source.most_at_once == 3


def test_errors_are_remembered_like_answers(source: Source) -> None:
    source.may_answer.set()
    measurements = asking(source)
    for _ in range(2):
        with pytest.raises(SourceError, match="not this one"):
            measurements.ask(QUERIES[3])
    assert source.asked == [QUERIES[3]]
    assert str(measurements.answers()[QUERIES[3]]) == "not this one"


def test_a_source_that_is_broken_is_a_source_that_cannot_answer(source: Source) -> None:
    source.may_answer.set()
    with pytest.raises(SourceError, match="ZeroDivisionError: a mistake"):
        asking(source).ask(QUERIES[4])


def test_a_query_has_its_time(source: Source) -> None:
    measurements = asking(source, query_timeout=1.0)
    with pytest.raises(SourceError, match="http://here: no answer within 1s; check the server's"):
        measurements.ask(QUERIES[0])
    assert isinstance(measurements.answers()[QUERIES[0]], SourceError)


def test_all_queries_together_have_their_time(source: Source) -> None:
    measurements = asking(source, run_timeout=1.0, concurrency=1)
    measurements.prefetch(QUERIES)
    wait_until(lambda: source.asked)
    for query in QUERIES[1:4]:
        with pytest.raises(SourceError, match="http://here: 1s for all queries are over; check"):
            measurements.ask(query)
    assert source.asked == [QUERIES[0]]
    source.may_answer.set()
    wait_until(lambda: not threads())
    assert source.asked == [QUERIES[0]]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "deploygate-query"]


def test_when_everything_is_asked_no_thread_is_left(source: Source) -> None:
    source.may_answer.set()
    measurements = asking(source)
    measurements.prefetch(QUERIES)
    wait_until(lambda: not threads())
    assert measurements.ask(InstantQuery("another", 0.0)).series
    wait_until(lambda: not threads())


def test_the_time_for_all_queries_passes_only_while_one_is_asked(source: Source) -> None:
    source.may_answer.set()
    measurements = asking(source, run_timeout=0.5)
    for query in (QUERIES[0], QUERIES[1], QUERIES[2]):
        assert measurements.ask(query).series
        wait_until(lambda: not threads())
        time.sleep(0.3)


def test_threads_of_one_test_ask_once_together(source: Source) -> None:
    source.may_answer.set()
    measurements = asking(source)
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait(SOON)
        for query in QUERIES[5:]:
            measurements.ask(query)

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(SOON)
    assert sorted(source.asked, key=QUERIES.index) == QUERIES[5:]
