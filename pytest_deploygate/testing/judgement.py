"""What a gate said about a production that a test has made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_deploygate.core.errors import did_you_mean
from pytest_deploygate.core.report import WORST_FIRST
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.verdict import Verdict

_MOST_SHOWN = 5
_LABELS = tuple(one.label for one in Verdict)


class Judgement:
    """A verdict with its results: ``verdict == "NO-GO"``, ``verdict["api_error_rate"].reason``.

    Attributes:
        verdict: that of the whole gate.
        sentence: its reason.
        problems: why there is no verdict, such as a blind gate; empty if there is one.
        results: of every check, in the order of the run.
        output: what the gate wrote on its terminal.
        exit_code: of the gate's process: 0, 1 or 2.
    """

    def __init__(
        self,
        verdict: Verdict,
        results: Sequence[Result],
        *,
        sentence: str,
        problems: Sequence[str],
        output: str,
        exit_code: int,
    ) -> None:
        self.verdict = verdict
        self.results = tuple(results)
        self.sentence = sentence
        self.problems = tuple(problems)
        self.output = output
        self.exit_code = exit_code

    def __eq__(self, other: object) -> bool:
        """Whether it is this verdict: ``GO``, ``WARNING`` or ``NO-GO``.

        Raises:
            ValueError: the text is none of these. It would never be equal, and always unequal.
        """
        if not isinstance(other, str):
            return NotImplemented
        label = other.label if isinstance(other, Verdict) else other
        if label not in _LABELS:
            raise ValueError(f"{other!r} is not a verdict; compare with {', '.join(_LABELS)}")
        return label == self.verdict.label

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        """Refused: it would be true whatever the gate said."""
        raise TypeError('a verdict is neither true nor false; write: assert verdict == "NO-GO"')

    def __getitem__(self, check: str) -> Result:
        """The result of the check with this id; the worst if there are several.

        Raises:
            KeyError: no check of this id was judged.
        """
        found = [result for result in self.results if result.id == check]
        if not found:
            near = did_you_mean(check, (result.id for result in self.results))
            raise KeyError(f"no check {check!r} was judged, {near}")
        return min(found, key=lambda result: WORST_FIRST.index(result.status))

    def __iter__(self) -> Iterator[str]:
        """The ids of the checks."""
        return iter(dict.fromkeys(result.id for result in self.results))

    def __contains__(self, check: object) -> bool:
        """Whether a check of this id was judged."""
        return any(result.id == check for result in self.results)

    def __repr__(self) -> str:
        """The verdict, and what the gate wrote."""
        return f"<{self.verdict.label}: {self.sentence}>\n{self.output}"

    def explained(self, operator: str, other: object) -> list[str]:
        """The lines of a failed comparison."""
        failed = [result for result in self.results if not result.ok][:_MOST_SHOWN]
        return [
            f"the gate says {self.verdict.label} {operator} {other!r}",
            self.sentence,
            *(f"{one.id}: {one.status}, {one.reason}: {one.message}" for one in failed),
        ]
