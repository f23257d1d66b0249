"""Incidents and deployments: read from a file, or found in the answer to an expression."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from pytest_deploygate.config.values import unix_seconds
from pytest_deploygate.core.backtest import Incident
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import labels_text, printable
from pytest_deploygate.engine.over_time import OverTime, runs

Row = TypeVar("Row")

INCIDENT_COLUMNS = ("start", "end", "name")
DEPLOYMENT_COLUMNS = ("time", "name")


def incidents_in(text: str) -> list[Incident]:
    """The incidents of a CSV document: ``start,end,name``.

    Times are RFC 3339 or Unix seconds. The name may be missing, and so may the line of headings.

    Raises:
        ConfigurationError: a line cannot be used; the message says which.
    """

    def incident(fields: Sequence[str]) -> Incident:
        start, end = unix_seconds(fields[0]), unix_seconds(fields[1])
        if end <= start:
            raise ConfigurationError(
                f"the end {fields[1]} is not after the start {fields[0]}; write start,end,name"
            )
        return Incident(name=_name(fields[2:]), start=start, end=end)

    return list(_rows(text, INCIDENT_COLUMNS, 2, incident))


def deployments_in(text: str) -> list[tuple[float, str]]:
    """The time in Unix seconds and the name of the deployments in a CSV document: ``time,name``.

    Raises:
        ConfigurationError: a line cannot be used; the message says which.
    """
    return list(
        _rows(
            text,
            DEPLOYMENT_COLUMNS,
            1,
            lambda fields: (unix_seconds(fields[0]), _name(fields[1:])),
        )
    )


def _rows(
    text: str, columns: Sequence[str], least: int, read: Callable[[Sequence[str]], Row]
) -> Iterator[Row]:
    lines = csv.reader(text.splitlines(), strict=True)
    try:
        for fields in lines:
            fields = [field.strip() for field in fields]
            heading = lines.line_num == 1 and fields[0].lower() == columns[0]
            if heading or not any(fields):
                continue
            if not least <= len(fields) <= len(columns):
                raise ConfigurationError(
                    f"{len(fields)} columns; write {','.join(columns)}, and a name with a comma "
                    "in quotes"
                )
            yield read(fields)
    except (ConfigurationError, csv.Error) as error:
        raise ConfigurationError(f"line {lines.line_num}: {error}") from None


def _name(fields: Sequence[str]) -> str:
    return printable(fields[0]) if fields else ""


def incidents_during(answer: OverTime, name: str) -> list[Incident]:
    """An incident is each unbroken run of steps at which an expression has any series."""
    times, found = answer.times, []
    for first, end in runs(np.asarray(answer.present.any(axis=0))):
        row = int(np.flatnonzero(answer.present[:, first])[0])
        labels = printable(labels_text(answer.labels[row])) or name
        begin, over = (times.part(place, 1).start for place in (first, end))
        found.append(Incident(name=labels, start=begin, end=over))
    return found


def deployments_during(answer: OverTime, name: str) -> list[tuple[float, str]]:
    """A deployment is each step at which the series of an expression, or their values, change."""
    values, present = answer.values, answer.present
    same_values = (values[:, 1:] == values[:, :-1]) | ~present[:, 1:]
    same_values |= np.isnan(values[:, 1:]) & np.isnan(values[:, :-1])
    same = (present[:, 1:] == present[:, :-1]) & same_values
    known = (answer.failed[1:] < 0) & (answer.failed[:-1] < 0)
    found = []
    for place in np.flatnonzero(~same.all(axis=0) & known) + 1:
        rows = np.flatnonzero(~same[:, place - 1] & present[:, place])
        labels = labels_text(answer.labels[int(rows[0])]) if len(rows) else ""
        found.append((answer.times.part(int(place), 1).start, printable(labels) or name))
    return found
