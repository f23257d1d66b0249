"""What happened in a run, from the first collected test to the last written report.

It knows no pytest: it takes plain values, in whatever order and from whatever process they come.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_deploygate.config.changes import changes
from pytest_deploygate.config.mistakes import unknown_names, wrong_units
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import ActionResult, Change
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.rounds import Round, Watched
from pytest_deploygate.core.series import Measurement, Query
from pytest_deploygate.engine.ledger import Ledger, PhaseReport

Answers = Mapping[Query, Measurement | SourceError]


class SettingsUse(NamedTuple):
    """What the settings of a run mean to the criteria that one process saw.

    ``misfits`` are complaints about values that cannot be meant. ``unknown`` holds the settings
    that none of the criteria has, by name: the complaint, and whether it is a mistake (a
    configuration file is for other runs too). ``changes`` differ from the criteria's defaults.
    ``asked`` describes the criteria for an attestation, each in one text.
    """

    misfits: tuple[str, ...] = ()
    unknown: Mapping[str, tuple[str, bool]] = MappingProxyType({})
    changes: tuple[Change, ...] = ()
    asked: tuple[str, ...] = ()


def settings_use(
    settings: Settings,
    criteria: list[Criterion],
    *,
    in_part: bool = False,
    variables: Collection[str] = (),
    misfits: Iterable[str] = (),
    tests: Collection[str] = (),
    mentioned: Callable[[str], bool] = lambda name: False,
) -> SettingsUse:
    """What these settings mean to these criteria.

    Args:
        settings: of the run.
        criteria: every criterion that this process saw.
        in_part: whether others may exist that the configuration file is for.
        variables: the names that were used.
        misfits: what was found wrong while criteria were resolved.
        tests: the names of the checks that are not criteria.
        mentioned: whether a test that is not a criterion may know a name, though it has not asked.
    """
    unknown = {
        name: (one.message, one.for_this_run or not in_part)
        for name, one in unknown_names(settings, criteria, tests=tests, used=variables).items()
        if one.for_this_run or not mentioned(one.name)
    }
    misfits = [*misfits, *wrong_units(settings, criteria)]
    return SettingsUse(tuple(misfits), unknown, changes(settings, criteria))


class ProcessNotes(NamedTuple):
    """What one process noted besides the reports of its tests.

    xdist's workers send theirs to the controller when they end. ``problems`` are reasons why no
    verdict can be reached, ``notices`` are worth a line, ``left_out`` says which checks were not
    run, ``asks`` whether a test asks production. ``answers`` are kept only where evidence is
    recorded.
    """

    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    deselected: int = 0
    asks: bool = False
    settings: tuple[SettingsUse, ...] = ()
    answers: Answers = MappingProxyType({})

    def joined(self, other: ProcessNotes) -> ProcessNotes:
        """These notes and another process's."""
        return ProcessNotes(
            problems=_unique(self.problems, other.problems),
            notices=_unique(self.notices, other.notices),
            left_out=_unique(self.left_out, other.left_out),
            # every worker collects and deselects the same tests
            deselected=max(self.deselected, other.deselected),
            asks=self.asks or other.asks,
            settings=(*self.settings, *other.settings),
            answers={**self.answers, **other.answers},
        )

    def to_builtins(self) -> dict[str, Any]:
        """Plain builtins, the only thing that may travel between xdist's processes."""
        from pytest_deploygate.sources.recording import answers_to_builtins

        return {
            "problems": list(self.problems),
            "notices": list(self.notices),
            "left_out": list(self.left_out),
            "deselected": self.deselected,
            "asks": self.asks,
            "settings": [_settings_to_builtins(use) for use in self.settings],
            "answers": answers_to_builtins(self.answers),
        }

    @classmethod
    def from_builtins(cls, plain: Mapping[str, Any]) -> ProcessNotes:
        """The inverse of :meth:`to_builtins`."""
        from pytest_deploygate.sources.recording import answers_from_builtins

        return cls(
            problems=tuple(plain["problems"]),
            notices=tuple(plain["notices"]),
            left_out=tuple(plain["left_out"]),
            deselected=plain["deselected"],
            asks=plain["asks"],
            settings=tuple(map(_settings_from_builtins, plain["settings"])),
            answers=answers_from_builtins(plain["answers"]),
        )


def _settings_to_builtins(use: SettingsUse) -> dict[str, Any]:
    return {
        "misfits": list(use.misfits),
        "unknown": {name: list(one) for name, one in use.unknown.items()},
        "changes": [list(change) for change in use.changes],
        "asked": list(use.asked),
    }


def _settings_from_builtins(plain: Mapping[str, Any]) -> SettingsUse:
    return SettingsUse(
        misfits=tuple(plain["misfits"]),
        unknown={name: (text, mistaken) for name, (text, mistaken) in plain["unknown"].items()},
        changes=tuple(Change(*change) for change in plain["changes"]),
        asked=tuple(plain["asked"]),
    )


def _unique(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


class Findings:
    """Records what happens in a run. Everybody reads it; only its methods write.

    ``results`` are those of the newest round, and fixed when the tests are over. ``lost`` are the
    tests of which no report came. ``watched`` says what the ``rounds`` came to; an ordinary run has
    neither.
    ``failures`` are what went wrong after that: the verdict does not stand any more.
    Times are Unix seconds.
    """

    def __init__(self) -> None:
        self._ledger = Ledger()
        self.notes = ProcessNotes()
        self.refused = False
        self.results: tuple[Result, ...] = ()
        self.rounds: list[Round] = []
        self.watched: Watched | None = None
        self.lost: tuple[str, ...] = ()
        self.cut_short = ""
        self.actions: tuple[ActionResult, ...] = ()
        self.failures: tuple[str, ...] = ()
        self.started_at = self.ended_at = 0.0

    @property
    def expected(self) -> int:
        """How many tests were collected."""
        return self._ledger.expected

    def start(self, at: float) -> None:
        """The run starts."""
        self.started_at = at

    def collected(self, nodeids: Iterable[str]) -> None:
        """These tests must report, in this order."""
        self._ledger.expect(nodeids)

    def reported(self, phase: PhaseReport) -> None:
        """A phase of a test is over."""
        self._ledger.record(phase)

    def problem(self, text: str) -> None:
        """Something stands in the way of a verdict."""
        self._join(ProcessNotes(problems=(text,)))

    def refuse(self, complaint: str) -> None:
        """What was given cannot be used: pytest ends in its own usage error."""
        self.refused = True
        self.problem(complaint)

    def notice(self, *texts: str) -> None:
        """Something is worth a line and changes nothing."""
        self._join(ProcessNotes(notices=texts))

    def left_out(self, text: str) -> None:
        """Some checks are not run: the run is partial."""
        self._join(ProcessNotes(left_out=(text,)))

    def deselected(self, count: int) -> None:
        """So many more tests were deselected."""
        self.notes = self.notes._replace(deselected=self.notes.deselected + count)

    def asks(self) -> None:
        """A test of this process asks production: it is marked, is a criterion or uses gate."""
        self._join(ProcessNotes(asks=True))

    def settings_used(self, use: SettingsUse) -> None:
        """What the settings meant to this process's criteria; known at its end."""
        self._join(ProcessNotes(settings=(use,)))

    def answered(self, answers: Answers) -> None:
        """What this process asked and what the source answered, for the evidence."""
        self._join(ProcessNotes(answers=answers))

    def worker_ended(self, notes: Mapping[str, Any] | None) -> None:
        """A worker of xdist ended: with its notes, or None when it died and may hide anything."""
        if notes is None:
            self.problem("a worker ended without a report: see its error above")
        else:
            self._join(ProcessNotes.from_builtins(notes))

    def judged(self, results: tuple[Result, ...], at: float) -> None:
        """All checks were judged in a round that ended at this time."""
        self.results, self.ended_at = results, at

    def round_is_over(self, one: Round) -> None:
        """The verdict of a round is known."""
        self.rounds.append(one)

    def watched_as(self, watched: Watched) -> None:
        """The last round is over."""
        self.watched = watched

    def end(
        self,
        at: float,
        clean: Callable[[str], str],
        *,
        cut_short: str = "",
        waived: Callable[[tuple[Result, ...]], tuple[Result, ...]] = tuple,
    ) -> None:
        """The tests are over: their results are fixed.

        Args:
            at: the time now.
            clean: takes secrets out of a text.
            cut_short: why the run ended before its last test.
            waived: the results with those that waivers let fail.
        """
        self.ended_at, self.cut_short = at, cut_short
        self.results, self.lost = waived(self._ledger.results(clean)), tuple(self._ledger.lost())

    def charted(self, results: tuple[Result, ...]) -> None:
        """The same results, with their history for charts."""
        self.results = results

    def acted(self, actions: tuple[ActionResult, ...]) -> None:
        """What came of the actions."""
        self.actions = actions

    def failure(self, text: str) -> None:
        """Something went wrong after the verdict, which makes it NO-GO."""
        self.failures = _unique(self.failures, (text,))

    def _join(self, notes: ProcessNotes) -> None:
        self.notes = self.notes.joined(notes)
