"""What can pass is asked again, but an outage is not waited out for every query anew."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from pytest_deploygate.core.errors import SourceError, TransientError
from pytest_deploygate.core.series import Measurement
from pytest_deploygate.sources.retry import Retry

ANSWER = Measurement(())
FAR = 1e9


class Server:
    """Fails as often as the test says, and counts."""

    def __init__(self, *failures: SourceError, for_ever: SourceError | None = None) -> None:
        self.failures = list(failures)
        self.for_ever = for_ever
        self.asked = 0

    def __call__(self) -> Measurement:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        if self.for_ever:
            raise self.for_ever
        return ANSWER


def down() -> TransientError:
    return TransientError("down")


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which took any time; always the same ones."""
    random.seed(1)
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def test_what_can_pass_is_asked_again(no_waiting: list[float]) -> None:
    server = Server(down(), down(), down())
    assert Retry()(server, FAR) is ANSWER
    assert server.asked == 4
    assert all(0.1 <= pause <= 2.0 for pause in no_waiting)


def test_what_lasts_is_given_up_with_its_last_word(no_waiting: list[float]) -> None:
    server = Server(down(), for_ever=TransientError("still down"))
    with pytest.raises(TransientError, match="still down"):
        Retry()(server, FAR)
    assert server.asked == 5
    assert len(no_waiting) == 4


def test_what_cannot_pass_is_not_asked_again(no_waiting: list[float]) -> None:
    server = Server(for_ever=SourceError("no"))
    with pytest.raises(SourceError, match="no"):
        Retry()(server, FAR)
    assert server.asked == 1


def test_after_a_failure_that_can_pass_one_that_cannot_ends_it(no_waiting: list[float]) -> None:
    server = Server(down(), for_ever=SourceError("no"))
    with pytest.raises(SourceError, match="no"):
        Retry()(server, FAR)
    assert server.asked == 2


def test_the_server_is_believed_when_to_ask_again(no_waiting: list[float]) -> None:
    server = Server(TransientError("busy", retry_after=7.0), TransientError("", retry_after=0.0))
    Retry()(server, FAR)
    assert no_waiting == [7.0, 0.0]


@pytest.mark.parametrize("error", [down(), TransientError("busy", retry_after=60.0)])
def test_nobody_waits_beyond_the_deadline(error: TransientError, no_waiting: list[float]) -> None:
    server = Server(for_ever=error)
    with pytest.raises(TransientError):
        Retry()(server, time.monotonic() + 0.05)
    assert server.asked == 1
    assert no_waiting == []


def asked_in_an_outage(retry: Retry, before: Callable[[], object]) -> int:
    with pytest.raises(TransientError):
        retry(Server(for_ever=down()), FAR)
    time.sleep(2.1)
    before()
    server = Server(for_ever=down())
    with pytest.raises(TransientError):
        retry(server, FAR)
    return server.asked


def test_an_outage_is_waited_out_once() -> None:
    assert asked_in_an_outage(Retry(), lambda: None) == 2


@pytest.mark.parametrize("error", [None, SourceError("bad query")])
def test_an_outage_is_over_with_the_first_answer(
    error: SourceError | None, no_waiting: list[float]
) -> None:
    retry = Retry()

    def ask() -> None:
        try:
            retry(Server(for_ever=error), FAR)
        except SourceError:
            return

    ask()
    retry(Server(down(), down(), down(), down()), FAR)
    server = Server(for_ever=down())
    with pytest.raises(TransientError):
        retry(server, FAR)
    ask()
    assert retry._failing_since is None
    assert server.asked == 5
