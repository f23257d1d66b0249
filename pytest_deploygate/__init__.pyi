# What __init__.py exports, for type checkers: it imports a name only when it is used.

from pytest_deploygate.actions.base import Action as Action
from pytest_deploygate.actions.base import ActionKind as ActionKind
from pytest_deploygate.actions.base import Context as Context
from pytest_deploygate.actions.base import Deadline as Deadline
from pytest_deploygate.config.settings import Settings as Settings
from pytest_deploygate.core.criterion import Comparison as Comparison
from pytest_deploygate.core.criterion import Criterion as Criterion
from pytest_deploygate.core.criterion import Enough as Enough
from pytest_deploygate.core.criterion import Limit as Limit
from pytest_deploygate.core.criterion import NoData as NoData
from pytest_deploygate.core.criterion import Threshold as Threshold
from pytest_deploygate.core.criterion import threshold as threshold
from pytest_deploygate.core.durations import Duration as Duration
from pytest_deploygate.core.errors import ActionError as ActionError
from pytest_deploygate.core.errors import CheckFailed as CheckFailed
from pytest_deploygate.core.errors import ConfigurationError as ConfigurationError
from pytest_deploygate.core.errors import GateError as GateError
from pytest_deploygate.core.errors import NoDataError as NoDataError
from pytest_deploygate.core.errors import SourceError as SourceError
from pytest_deploygate.core.errors import TransientError as TransientError
from pytest_deploygate.core.report import ActionResult as ActionResult
from pytest_deploygate.core.report import ActionStatus as ActionStatus
from pytest_deploygate.core.report import Change as Change
from pytest_deploygate.core.report import GateReport as GateReport
from pytest_deploygate.core.report import SourceInfo as SourceInfo
from pytest_deploygate.core.result import Reason as Reason
from pytest_deploygate.core.result import Result as Result
from pytest_deploygate.core.result import Status as Status
from pytest_deploygate.core.series import InstantQuery as InstantQuery
from pytest_deploygate.core.series import Measurement as Measurement
from pytest_deploygate.core.series import Query as Query
from pytest_deploygate.core.series import RangeQuery as RangeQuery
from pytest_deploygate.core.series import Series as Series
from pytest_deploygate.core.severity import Severity as Severity
from pytest_deploygate.core.verdict import Verdict as Verdict
from pytest_deploygate.kinds.base import Answers as Answers
from pytest_deploygate.kinds.base import InRun as InRun
from pytest_deploygate.kinds.base import Kind as Kind
from pytest_deploygate.kinds.compare import Compare as Compare
from pytest_deploygate.kinds.decision import Decision as Decision
from pytest_deploygate.kinds.decision import Decisions as Decisions
from pytest_deploygate.kinds.instant import Instant as Instant
from pytest_deploygate.kinds.limit import hold as hold
from pytest_deploygate.kinds.runaway import Runaway as Runaway
from pytest_deploygate.kinds.sustained import Sustained as Sustained
from pytest_deploygate.kinds.times import Times as Times
from pytest_deploygate.kinds.trend import Trend as Trend
from pytest_deploygate.plugin.decorator import gate_criteria as gate_criteria
from pytest_deploygate.plugin.fixture import Gate as Gate
from pytest_deploygate.promql.expressions import Expressions as Expressions
from pytest_deploygate.promql.expressions import NotExpressible as NotExpressible
from pytest_deploygate.sources.base import Source as Source

__all__: list[str]
_HOMES: dict[str, str]
