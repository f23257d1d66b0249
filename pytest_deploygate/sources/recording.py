"""Evidence: all answers of a source during one run, in a file that can be judged again."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import IO, Any

from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery, Series
from pytest_deploygate.core.waivers import Waiver

FORMAT = "deploygate-evidence"
VERSION = 1

Answers = Mapping[Query, Measurement | SourceError]


class Recording:
    """A source that answers from evidence, at the times at which it was recorded.

    ``times`` are the evaluation times in Unix seconds: one for each round, at least one. ``watch``
    holds the options of a watch or a wait as they were recorded, None for an ordinary run, and
    ``dropped`` is how many of its rounds were left out. ``waivers`` and ``freezes`` are those of
    the recorded run.
    """

    def __init__(
        self,
        location: str,
        times: Sequence[float],
        answers: Answers,
        watch: Mapping[str, Any] | None = None,
        waivers: Sequence[Waiver] = (),
        freezes: Sequence[Result] = (),
    ) -> None:
        self.dropped = int(watch["dropped"]) if watch else 0
        self.times = tuple(times)
        self.watch = watch
        self.waivers = tuple(waivers)
        self.freezes = tuple(freezes)
        self._answers = answers
        self._location = location

    @property
    def info(self) -> SourceInfo:
        """The file."""
        return SourceInfo(kind="recording", location=self._location)

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The recorded answer, or the recorded error."""
        answer = self._answers.get(query)
        if answer is None:
            raise SourceError(
                f"{self._location} contains no answer to this query; record it again with "
                "--gate-record and the same checks"
            )
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def has(self, query: Query) -> bool:
        """Whether it was asked when this was recorded."""
        return query in self._answers

    def notices(self) -> list[str]:
        """None: no server is queried."""
        return []


class Evidence:
    """The answers of a run while it goes on: of rounds that are over they are kept in a file."""

    def __init__(self) -> None:
        self._rounds: IO[str] | None = None
        self._times: list[float] = []

    def add_round(self, at: float, answers: Answers) -> None:
        """The answers of one round at an evaluation time in Unix seconds."""
        if self._rounds is None:
            self._rounds = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._times.append(at)
        for entry in answers_to_builtins(answers):
            self._rounds.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        """Nothing is written any more."""
        if self._rounds is not None:
            self._rounds.close()

    def encoded(
        self,
        at: float,
        source: str,
        answers: Answers,
        watch: Mapping[str, Any] | None = None,
        waivers: Sequence[Waiver] = (),
        freezes: Sequence[Result] = (),
    ) -> Iterator[str]:
        """Evidence as the parts of a JSON document; numbers are strings, as in Prometheus' own API.

        Args:
            at: the evaluation time in Unix seconds, where there are no rounds.
            source: where the answers came from.
            answers: besides those of the rounds.
            watch: the options of a watch or a wait, and how many rounds were ``dropped``.
            waivers: of the run.
            freezes: the results of its freezes.
        """
        times = self._times or [at]
        head = {
            "format": FORMAT,
            "version": VERSION,
            "evaluation_time": times[0],
            "evaluated_at": datetime.fromtimestamp(times[0], UTC).isoformat(),
            **({"evaluation_times": times} if len(times) > 1 else {}),
            **({"watch": watch} if watch else {}),
            **({"waivers": [one.to_builtins() for one in waivers]} if waivers else {}),
            **({"freezes": [one.to_builtins() for one in freezes]} if freezes else {}),
            "source": source,
        }
        yield json.dumps(head)[:-1] + ', "answers": ['
        between = ""
        for line in self._lines(answers):
            yield between + line
            between = ", "
        yield "]}\n"

    def _lines(self, answers: Answers) -> Iterator[str]:
        if self._rounds is not None:
            self._rounds.seek(0)
            yield from (line.rstrip("\n") for line in self._rounds)
            self._rounds.seek(0, os.SEEK_END)
        yield from map(json.dumps, answers_to_builtins(answers))


def answers_to_builtins(answers: Answers) -> list[dict[str, Any]]:
    """The answers as plain builtins, in the order of their queries."""
    # In order, so that two recordings of the same answers are the same file.
    return [_encoded(query, answers[query]) for query in sorted(answers, key=_order)]


def answers_from_builtins(entries: list[Any]) -> dict[Query, Measurement | SourceError]:
    """The inverse of :func:`answers_to_builtins`."""
    return dict(_decoded(entry) for entry in entries)


def _order(query: Query) -> tuple[str, str]:
    return (query.expr, repr(query))


def _encoded(query: Query, answer: Measurement | SourceError) -> dict[str, Any]:
    if isinstance(query, InstantQuery):
        entry: dict[str, Any] = {"query": query.expr, "time": query.at}
    else:
        entry = {"query": query.expr, "start": query.start, "end": query.end, "step": query.step}
    if isinstance(answer, SourceError):
        return {**entry, "error": str(answer)}
    # repr() gives the shortest text that is read as the same number again; NaN is not JSON.
    series = [
        {
            "labels": dict(one.labels),
            "points": [[time, repr(value)] for time, value in one.points],
        }
        for one in answer.series
    ]
    return {**entry, "series": series, "warnings": list(answer.warnings)}


def _decoded(entry: Mapping[str, Any]) -> tuple[Query, Measurement | SourceError]:
    expr = str(entry["query"])
    query: Query
    if "time" in entry:
        query = InstantQuery(expr, float(entry["time"]))
    else:
        query = RangeQuery(expr, float(entry["start"]), float(entry["end"]), float(entry["step"]))
    if "error" in entry:
        return query, SourceError(str(entry["error"]))
    series = tuple(
        Series(
            {str(key): str(value) for key, value in one["labels"].items()},
            tuple((float(time), float(value)) for time, value in one["points"]),
        )
        for one in entry["series"]
        if one["points"]
    )
    return query, Measurement(series, tuple(str(text) for text in entry["warnings"]))


def open_recording(path: Path) -> Recording:
    """The evidence in a file.

    Raises:
        ConfigurationError: the file cannot be read, or is not evidence.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--gate-replay {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    return _parse(text, str(path))


def open_demo(name: str) -> Recording:
    """The evidence that ships with the package, ``go``, ``warning`` or ``no-go``."""
    file = resources.files("pytest_deploygate.sources") / "demo" / f"{name}.json"
    return _parse(file.read_text(encoding="utf-8"), f"demo {name}")


def _parse(text: str, location: str) -> Recording:
    try:
        document = json.loads(text)
        if document["format"] != FORMAT or document["version"] != VERSION:
            raise ValueError("another format")
        # Evidence of one round, and of the first versions, has only the one time.
        times = document.get("evaluation_times", [document["evaluation_time"]])
        times = [float(time) for time in times]
        if not times or not all(map(math.isfinite, times)):
            raise ValueError("no time")
        answers = answers_from_builtins(document["answers"])
        waivers = [Waiver.from_builtins(one) for one in document.get("waivers", ())]
        freezes = [Result.from_builtins(one) for one in document.get("freezes", ())]
        return Recording(location, times, answers, document.get("watch"), waivers, freezes)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ConfigurationError(
            f"--gate-replay {location}: is not evidence; give a file that --gate-record wrote "
            f"({FORMAT}, version {VERSION})"
        ) from None
