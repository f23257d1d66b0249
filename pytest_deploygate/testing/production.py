"""The production that a test makes up, and what a gate says about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pytest

from pytest_deploygate.core.durations import Duration, seconds
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.plugin.collecting import cause
from pytest_deploygate.testing import gate_process, notation
from pytest_deploygate.testing.judgement import Judgement
from pytest_deploygate.testing.remote_write import Samples, send
from pytest_deploygate.testing.servers import prometheus, running

INTERVAL = "15s"
_SECONDS_AGO = 120
"""How old the newest sample is. Of an earlier time than the wall clock's now a gate does not ask
which alerting rules the server has: this one has none."""


class Production:
    """A production of series that a test writes down, as Prometheus would have scraped it.

    Every judgement has a Prometheus of its own with nothing else in it: starting one takes 50 ms.

    Args:
        root: where gates are started; paths of arguments begin there.
        judged: is told of every judgement.
    """

    def __init__(self, root: Path, judged: Callable[[Judgement], None]) -> None:
        self._root = root
        self._judged = judged
        self._series: dict[tuple[tuple[str, str], ...], tuple[list[notation.Sample], int]] = {}

    def series(self, selector: str, values: str, *, interval: Duration = INTERVAL) -> None:
        """Add a series that ends now.

        Args:
            selector: its name and labels, such as ``http_requests_total{status="200"}``.
            values: in promtool's notation, such as ``0+100x120``; the last one is that of now.
            interval: the time from one value to the next.

        Raises:
            ConfigurationError: something given cannot be read, or there is such a series already.
        """
        labels = tuple(sorted(notation.labels(selector).items()))
        step = round(seconds(interval) * 1000)
        if step < 1:
            raise ConfigurationError(f"interval {interval!r} is shorter than a millisecond")
        try:
            found = notation.values(values)
        except ConfigurationError as error:
            raise ConfigurationError(f"{selector}: {error}") from None
        if labels in self._series:
            raise ConfigurationError(
                f"{selector}: production has this series already; write all values in one text"
            )
        self._series[labels] = found, step

    def judge(self, *arguments: str | Path) -> Judgement:
        """Have a gate judge this production now: ``pytest -p deploygate ARGUMENTS``.

        The gate is a process of its own. It starts in pytest's root directory, where it reads the
        project's configuration, but writes no report that only the file asks for, carries out no
        action and makes one round.

        Args:
            arguments: paths, and options such as ``--gate-set=fast_p95_max=3``.
        """
        given = [*map(str, arguments)]
        now = int(time.time()) - _SECONDS_AGO
        with TemporaryDirectory(prefix="deploygate-") as name:
            directory = Path(name)
            program = prometheus(directory / "data", "--web.enable-remote-write-receiver")
            with running(program) as server:
                if samples := self._samples(now):
                    send(server.url, samples)
                timed = [f"--gate-at={now}", *given]
                ended = gate_process.run(self._root, directory, timed, url=server.url)
        judgement = _judgement(ended, ["pytest", "-p", "deploygate", *given])
        self._judged(judgement)
        return judgement

    def _samples(self, now: int) -> list[Samples]:
        return [
            Samples(dict(labels), values, now * 1000 - (len(values) - 1) * step, step)
            for labels, (values, step) in self._series.items()
            if any(value is not None for value in values)
        ]


def _judgement(ended: gate_process.Ended, command: Sequence[str]) -> Judgement:
    """What the gate said; the test fails if it broke down before it could judge production."""
    written = ended.written
    if written is None:
        why = cause(ended.output)
        _fail(f"{' '.join(command)} ended in {ended.exit_code} without a verdict: {why}", ended)
    if written["broken"]:
        _fail(f"{' '.join(command)} is broken: {written['broken'][0]}", ended)
    if not written["results"]:
        _fail(f"{' '.join(command)} judged nothing: {written['sentence']}", ended)
    # What goes wrong after the verdict, such as a report that cannot be written, is NO-GO, too.
    failed_late = ended.exit_code not in (Verdict.GO.exit_code, Verdict.WARNING.exit_code)
    return Judgement(
        Verdict.NO_GO if failed_late else Verdict(written["verdict"]),
        [Result.from_builtins(plain) for plain in written["results"]],
        sentence=written["sentence"],
        problems=written["problems"],
        output=ended.output,
        exit_code=ended.exit_code,
    )


def _fail(message: str, ended: gate_process.Ended) -> NoReturn:
    pytest.fail(f"{message}\n{ended.output}", pytrace=False)
