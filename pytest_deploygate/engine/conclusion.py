"""From the findings of a run to its report: pure, and cheap enough to be asked again.

A report is never changed. What is found after one was made (an action's result, a report that
cannot be written) is a finding like any other, and another report is concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pytest_deploygate.core.context import Context
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.report import Change, GateReport, SourceInfo
from pytest_deploygate.core.required import Measured, unmet
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.rounds import Round
from pytest_deploygate.core.subject import Attested, Subject
from pytest_deploygate.core.text import counted, printable
from pytest_deploygate.core.verdict import Verdict, blindness, decide, unguarded
from pytest_deploygate.core.waivers import Waiver, moment
from pytest_deploygate.engine.attesting import described_id, sha256
from pytest_deploygate.engine.findings import Findings, ProcessNotes

_ASKS_NOTHING = (
    "nothing here asks production: no test is marked critical or warning, is a criterion or uses "
    "gate"
)
_SOON = 86_400.0  # seconds before a waiver ends in which the reports say so
_MOST_NAMED = 3  # lost tests that are named when reports are missing


class RunFacts(NamedTuple):
    """What a report says of a run besides what happened in it.

    ``at`` is the evaluation time in Unix seconds, of the newest round if there are several.
    ``configuration`` is the path of the file that was read, empty for none, ``required`` patterns
    of checks that must be measured, ``left_out`` the ids of checks that are not run on purpose,
    ``waivers`` those of the run, ``freezes`` the results of its freezes,
    ``subject`` the artifact, ``configuration_digest`` the SHA-256 of the configuration file,
    ``part_was_named`` whether the command line selects checks, ``page`` the HTML page's path in the
    CI system's project, and ``judges`` says whether checks are carried out at all.
    """

    at: float
    source: SourceInfo
    environment: str = ""
    selection: str = ""
    deployed_at: float | None = None
    variables: Mapping[str, str] = MappingProxyType({})
    configuration: str = ""
    context: Context = Context()
    required: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    waivers: tuple[Waiver, ...] = ()
    freezes: tuple[Result, ...] = ()
    subject: Subject | None = None
    configuration_digest: str = ""
    part_was_named: bool = False
    advisory: bool = False
    page: str = ""
    judges: bool = True


def conclude(findings: Findings, facts: RunFacts, clean: Callable[[str], str]) -> GateReport:
    """All findings together: the verdict, and everything that stood in its way.

    Args:
        findings: what happened until now.
        facts: what else is known of the run.
        clean: takes secrets out of a text.
    """
    notes, tested = findings.notes, findings.results if _is_judged(findings, facts) else ()
    results = (*tested, *facts.freezes) if _is_judged(findings, facts) else ()
    absent, unmet = _requirements(findings, facts)
    obstacles = (*_problems(findings, facts), *mistakes(findings, facts), *unmet)
    problems = (*obstacles, *findings.failures)
    watched = findings.watched
    blind = blindness(tested, facts.left_out) or (watched.blind if watched else "")
    partial = _partial(notes, [*absent, unguarded(tested, facts.left_out)])
    at_best = partial or (watched and watched.unsteady)
    verdict = Verdict.NO_GO if problems or blind else decide(results, partial=bool(at_best))
    newest = () if watched else (Round(facts.at, verdict),)
    return GateReport(
        verdict=verdict,
        results=results,
        rounds=(*findings.rounds, *newest),
        watched=watched,
        problems=tuple(dict.fromkeys(printable(clean(text)) for text in problems)),
        blind=blind,
        notices=(*notes.notices, *_unused(findings, facts), *_of_waivers(results, facts, clean)),
        partial=partial,
        deselected=notes.deselected,
        evaluated_at=facts.at,
        started_at=findings.started_at,
        duration=findings.ended_at - findings.started_at,
        source=facts.source,
        environment=facts.environment,
        selection=facts.selection,
        deployed_at=facts.deployed_at,
        variables=facts.variables,
        configuration=printable(clean(facts.configuration)),
        context=facts.context,
        advisory=facts.advisory,
        changes=_changes(notes),
        page=facts.page,
        refused=findings.refused,
        attested=_attested(findings, facts, results),
        actions=findings.actions,
    )


def _requirements(findings: Findings, facts: RunFacts) -> tuple[list[str], list[str]]:
    """The required checks that are left out, and complaints about those that are missing."""
    if not facts.required or not _is_judged(findings, facts) or _problems(findings, facts):
        return [], []
    checks = [Measured(one.id, one.evaluated, one.message) for one in findings.results]
    absent, unmeasured = unmet(facts.required, checks)
    return (absent, unmeasured) if facts.part_was_named else ([], [*absent, *unmeasured])


def mistakes(findings: Findings, facts: RunFacts) -> tuple[str, ...]:
    """Complaints about settings that were given for this run and mean nothing in it."""
    return tuple(text for text, mistaken in _unknown(findings, facts) if mistaken)


def _unused(findings: Findings, facts: RunFacts) -> tuple[str, ...]:
    return tuple(text for text, mistaken in _unknown(findings, facts) if not mistaken)


def _unknown(findings: Findings, facts: RunFacts) -> Iterator[tuple[str, bool]]:
    """The settings that no process knows; only a whole run has seen all that could know them."""
    if findings.refused or not findings.notes.settings or _problems(findings, facts):
        return
    first, *others = findings.notes.settings
    for name, (text, mistaken) in first.unknown.items():
        if all(name in other.unknown for other in others):
            yield text, mistaken


def _of_waivers(
    results: Iterable[Result], facts: RunFacts, clean: Callable[[str], str]
) -> tuple[str, ...]:
    """What has to be known of the waivers: which are over, will be soon, or waive nothing."""
    if not facts.judges:
        return ()
    used = {waiver for result in results for waiver in result.waivers}
    found = (_notice(one, facts.at, is_used=one in used) for one in facts.waivers)
    return tuple(printable(clean(text)) for text in found if text)


def _notice(waiver: Waiver, at: float, *, is_used: bool) -> str:
    whose = f"the waiver of {waiver.by} for {waiver.check}"
    left = waiver.until - at
    if left < 0:
        return f"{whose} expired on {moment(waiver.until)}: remove it"
    if not is_used:
        return f"{whose} waives nothing: no check failed within it"
    return f"{whose} expires in {spoken(left)}, on {moment(waiver.until)}" if left <= _SOON else ""


def _is_judged(findings: Findings, facts: RunFacts) -> bool:
    return facts.judges and not findings.refused


def _problems(findings: Findings, facts: RunFacts) -> tuple[str, ...]:
    """What stood in the way of a verdict while the tests ran, and what they lack now."""
    if findings.refused:
        return findings.notes.problems
    misfits = (text for use in findings.notes.settings for text in use.misfits)
    return (*findings.notes.problems, *_shortfalls(findings, facts), *misfits)


def _shortfalls(findings: Findings, facts: RunFacts) -> list[str]:
    if not facts.judges:
        return ["nothing was judged: checks were only collected or set up"]
    if not findings.expected and not findings.notes.problems:
        return [_why_nothing(findings.notes.deselected)]
    if findings.expected and not findings.notes.asks and not findings.notes.problems:
        return [_ASKS_NOTHING]
    if not findings.lost:
        return []
    why = f" ({findings.cut_short})" if findings.cut_short else ""
    more = " ..." if len(findings.lost) > _MOST_NAMED else ""
    named = ", ".join(findings.lost[:_MOST_NAMED]) + more
    return [f"{len(findings.lost)} of {findings.expected} checks never reported{why}: {named}"]


def _why_nothing(deselected: int) -> str:
    if deselected:
        return f"all {deselected} checks were deselected, by -k or -m perhaps"
    return "nothing was collected: name the checks, such as --pyargs gate_checks"


def _partial(notes: ProcessNotes, absent: Iterable[str]) -> str:
    reasons = [*notes.left_out, *filter(None, absent)]
    if notes.deselected:
        were = "was" if notes.deselected == 1 else "were"
        reasons.insert(0, f"{counted(notes.deselected, 'check')} {were} deselected")
    return "; ".join(reasons)


def _attested(findings: Findings, facts: RunFacts, results: Iterable[Result]) -> Attested | None:
    if facts.subject is None:
        return None
    judged = {result.id for result in results}
    every = {text for use in findings.notes.settings for text in use.asked}
    asked = sorted(text for text in every if described_id(text) in judged)
    return Attested(facts.subject, facts.configuration_digest, sha256("\n".join(asked)))


def _changes(notes: ProcessNotes) -> tuple[Change, ...]:
    found: dict[str, Change] = {}
    for use in notes.settings:
        for change in use.changes:
            found.setdefault(change.name, change)
    return tuple(found.values())
