"""What a kind of criterion is: one object that asks, decides and explains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pytest_deploygate.core.criterion import Criterion, Limit
from pytest_deploygate.core.result import Sides
from pytest_deploygate.core.series import InstantQuery, Query, Series
from pytest_deploygate.kinds.decision import Decision, Decisions
from pytest_deploygate.kinds.limit import explained
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.expressions import Expressions, NotExpressible

Answers = Sequence[Sequence[Series]]
"""The series that answer each of a kind's queries, in the order of ``queries``."""


def _as_written(expr: str, owner: str) -> str:
    return expr


def _as_asked(expr: str) -> str:
    return expr


def _one_pair(at: float) -> int:
    return 1


class InRun(NamedTuple):
    """What a kind may have to know of the run that judges with it.

    Attributes:
        in_query: replaces the variables of the run in an expression; the second argument names
            its owner in messages.
        narrowed: adds the matchers of the run to an expression that has no variables any more.
        deployed_at: when the new version was deployed, in Unix seconds; None if nobody said.
        pairs: how many pairs all comparisons of the run have at a time, in Unix seconds.
        rounds: how often the run judges: once, or the most rounds of its watch.
    """

    in_query: Callable[[str, str], str] = _as_written
    narrowed: Callable[[str], str] = _as_asked
    deployed_at: float | None = None
    pairs: Callable[[float], int] = _one_pair
    rounds: int = 1


class Kind(ABC):
    """How an answer is judged. Derive from it for a kind of your own, and give it as ``kind=``.

    A kind with a limit of its own is a dataclass, so that a run can replace the limit.
    """

    __slots__ = ()

    @abstractmethod
    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """All that has to be asked to judge a criterion at these times."""

    @abstractmethod
    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """Judge every series at one time (Unix seconds), without words and without numpy.

        ``answers`` belong to ``queries(criterion, Times(at))``, and hold only the series that the
        criterion's ``match`` selects. The limits of the criterion and of the kind are numbers.
        """

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """One decision in words, on one line, without the labels of its series.

        Without one of its own a kind says the value and the limit.
        """
        return explained(criterion, decision)

    def explain_all(self, criterion: Criterion, decisions: Sequence[Decision]) -> str:
        """Everything that failed, with labels; empty where the worst series speaks for the others.

        ``decisions`` failed for one reason, in the order of their labels.
        """
        return ""

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """Judge every series at many times, exactly as :meth:`decide` does at each of them.

        ``answers`` belong to ``queries(criterion, times)``. Without one of its own a kind decides
        one time after the other.
        """
        from pytest_deploygate.kinds.many import one_by_one

        def decide(answers: Answers, at: float) -> list[Decision]:
            return self.decide(criterion, answers, at)

        def queries(times: Times) -> Sequence[Query]:
            return self.queries(criterion, times)

        return one_by_one(queries, decide, answers, times)

    @property
    def compares(self) -> bool:
        """Whether two series are compared: the value is then not one of the query itself."""
        return False

    def in_run(self, criterion: Criterion, run: InRun) -> Criterion:
        """The criterion of this kind as a run judges it, with whatever the kind keeps of the run.

        Raises:
            ConfigurationError: the criterion cannot be judged by this kind.
        """
        return criterion

    def measuring(self, criterion: Criterion, at: float) -> InstantQuery | None:
        """What it has to know before it can ask its queries; None for nothing."""
        return None

    def measured(self, series: Sequence[Series]) -> Kind:
        """The same kind, knowing the answer to :meth:`measuring`."""
        return self

    def pairs(self, answers: Answers) -> int:
        """How many pairs are compared."""
        return 0

    def sides(self, criterion: Criterion, decision: Decision) -> Sides | None:
        """What was compared, for reports; None where nothing was."""
        return None

    def limits(self) -> Mapping[str, Limit]:
        """The kind's own limits, which ``--gate-set`` may change, by the name of their field."""
        return {}

    def promql(self, criterion: Criterion) -> Expressions | NotExpressible:
        """The same judgement for rules and dashboards, or why PromQL cannot express it."""
        return NotExpressible(f"the kind {type(self).__name__} has no form in PromQL")
