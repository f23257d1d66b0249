"""Schema failures and API errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from tests.production import Counter, Production
from tests.real.scenario import NO_GO, WARNING, breach, go, no_data, scenario, skipped
from tests.real.states import (
    APP_1,
    APP_2,
    APP_3,
    down,
    gone_and_back,
    joined,
    restarted,
    unscraped,
)
from tests.samples import Values

FIXES = "llm_schema_fix_count_total"
MINUTE = 60.0
HOUR = 3600.0
ONE = {"mode": "balanced", "original_model": "m-2"}


def failures(p: Production, values: Values, **labels: str) -> Production:
    """Add a failure counter to an instance, app-1 unless another is named."""
    return p.with_series(FIXES, {**ONE, "instance": APP_1, **labels}, values)


def in_clusters(p: Production, values: Values) -> Production:
    """Failure counters that only the label of their cluster tells apart."""
    for cluster in ("east", "west"):
        p = failures(p, values, cluster=cluster).with_series(
            "up", {"job": "app", "cluster": cluster, "instance": APP_1}, 1
        )
    return p


def failed_and_restarted(age: float) -> float | None:
    """A failure, a restart, one scrape or two without the counter, and then zero."""
    if age >= 600:
        return 57 if age > 1500 else 58
    return 0 if age <= 480 else None


def gone_back_and_gone(*, back: float, gone: float) -> Callable[[float], float | None]:
    """One failure until an hour ago, and again from the age ``back`` to the age ``gone``."""
    return lambda age: 1 if age >= HOUR or gone <= age <= back else None


def errors(p: Production, rate: float, **labels: str) -> Production:
    """Answer so many requests a second, of 200 on each instance, with an error."""
    return p.with_series("http_requests_total", labels, Counter(rate))


def idle(p: Production, **labels: str) -> Production:
    """Let no request arrive."""
    return p.with_values("http_requests_total", Counter(0), **labels)


FAILURE = breach("schema failures 0.000185 %", "mode=balanced", "original_model=m-2")
ANY = breach("mode=balanced", "original_model=m-2")

SCHEMA = [
    scenario(
        "the first failure ever creates its series at 1",
        lambda p: failures(p, Counter(start=1, born=10 * MINUTE)),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "the first failure ever, seen by the last scrape only",
        lambda p: failures(p, Counter(start=1, born=0)),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "the first failures of two instances, at different times",
        lambda p: failures(
            failures(p, Counter(start=1, born=1700)), Counter(start=1, born=100), instance=APP_2
        ),
        NO_GO,
        schema_failure_rate=breach("schema failures 0.00037 %", "mode=balanced"),
    ),
    scenario(
        "the first failure on one instance, old failures on the other",
        lambda p: failures(
            failures(p, Counter(start=57)), Counter(start=1, born=600), instance=APP_2
        ),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "a second failure",
        lambda p: failures(p, Counter(start=1, increments={300: 1})),
        NO_GO,
        schema_failure_rate=ANY,
    ),
    scenario(
        "two modes fail, the worse is named",
        lambda p: failures(failures(p, Counter(start=1, born=600)), Counter(0.01), mode="fast"),
        NO_GO,
        schema_failure_rate=breach("mode=fast", "and 1 more of 2"),
    ),
    scenario("failures long ago", lambda p: failures(p, Counter(start=57))),
    scenario(
        "a failure just inside the window",
        lambda p: failures(p, Counter(start=1, increments={29 * MINUTE: 1})),
        NO_GO,
        schema_failure_rate=ANY,
    ),
    scenario(
        "a failure just older than the window",
        lambda p: failures(p, Counter(start=1, increments={31 * MINUTE: 1})),
    ),
    scenario(
        "a first failure just older than the window",
        lambda p: failures(p, Counter(start=1, born=31 * MINUTE)),
    ),
    scenario(
        "a failure counter that was created at zero",
        lambda p: failures(p, Counter(start=0, born=20 * MINUTE)),
        schema_failure_rate=go("schema failures 0 % (≤ 0 %)"),
    ),
    scenario(
        "a restart resets the counter to zero",
        lambda p: failures(p, Counter(start=7, resets=[600])),
    ),
    scenario(
        "a restart takes the counter away",
        lambda p: failures(p, Counter(start=7)).missing(lambda age: age < 600, FIXES),
    ),
    scenario(
        "a restart and a new failure",
        lambda p: failures(p, Counter(start=7, resets=[600], increments={300: 1})),
        NO_GO,
        schema_failure_rate=ANY,
    ),
    scenario(
        "a restart takes the counter away, a new failure brings it back with the same value",
        lambda p: failures(p, Counter(start=1)).missing(lambda age: 300 < age <= 600, FIXES),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "a failure, and a restart after which the counter comes back at zero",
        lambda p: failures(p, failed_and_restarted, mode="fast", original_model="m"),
        NO_GO,
        schema_failure_rate=breach("mode=fast", "original_model=m"),
    ),
    scenario(
        "a restart an hour ago, and since then a failure whose counter is gone again",
        lambda p: failures(p, gone_back_and_gone(back=20 * MINUTE, gone=10 * MINUTE)),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "a failure in the first scrape of the window brings a counter back, which is gone again",
        lambda p: failures(p, gone_back_and_gone(back=29 * MINUTE, gone=28 * MINUTE)),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "a restart half an hour ago, and the counter comes back at zero",
        lambda p: failures(
            p, gone_and_back(before=57, gone=36 * MINUTE, back=20 * MINUTE, after=0)
        ),
    ),
    scenario(
        "a restart an hour ago, and now the first failure since",
        lambda p: failures(p, gone_and_back(before=5, gone=HOUR, back=600, after=1)),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "a restart an hour ago, and now as many failures as before",
        lambda p: failures(p, gone_and_back(before=1, gone=HOUR, back=600, after=1)),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "a new pod whose first sample holds its first failure",
        lambda p: failures(
            joined(p, "app-3", 20 * MINUTE), Counter(start=1, born=20 * MINUTE), instance=APP_3
        ),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
        rl_reward_trend=no_data("instance=app-3:8000"),
        rl_loss_runaway=no_data("instance=app-3:8000"),
    ),
    scenario(
        "a pod failed, and is gone",
        lambda p: failures(
            joined(p, "app-3", 20 * MINUTE, until=600), Counter(start=1, born=1100), instance=APP_3
        ).missing(lambda age: age < 600, FIXES),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
    ),
    scenario(
        "a scrape gap of an hour in an old failure counter",
        lambda p: unscraped(failures(p, Counter(start=57)), 20 * MINUTE, 80 * MINUTE),
    ),
    scenario(
        "a failure in a scrape gap of an hour",
        lambda p: unscraped(
            failures(p, Counter(start=57, increments={1500: 1})), 20 * MINUTE, 80 * MINUTE
        ),
        NO_GO,
        schema_failure_rate=ANY,
    ),
    scenario(
        "a restart and a failure in a scrape gap of an hour",
        lambda p: unscraped(
            failures(p, Counter(start=57, resets=[1600], increments={1500: 1})), 1200, 4800
        ),
        NO_GO,
        schema_failure_rate=ANY,
    ),
    scenario(
        "a restart without a failure in a scrape gap of an hour",
        lambda p: unscraped(failures(p, Counter(start=57, resets=[1600])), 1200, 4800),
    ),
    scenario(
        "a scrape gap around half an hour ago in an old failure counter",
        lambda p: unscraped(failures(p, Counter(start=57)), 25 * MINUTE, 40 * MINUTE),
    ),
    scenario(
        "a scrape gap around half an hour ago, and a restart since",
        lambda p: unscraped(failures(p, Counter(start=57)), 25 * MINUTE, 40 * MINUTE).missing(
            lambda age: age < 600, FIXES
        ),
    ),
    scenario(
        "an instance with old failures was down around half an hour ago",
        lambda p: down(
            failures(p, Counter(start=57)), lambda age: 25 * 60 < age < 40 * 60, instance=APP_1
        ),
    ),
    scenario(
        "an instance with old failures was restarted half an hour ago",
        lambda p: restarted(failures(p, Counter(start=57)), 30 * MINUTE),
    ),
    scenario(
        "every third scrape of an instance with old failures fails",
        lambda p: down(
            failures(p, Counter(start=57)), lambda age: age % 180 == 0 and age > 0, instance=APP_1
        ),
    ),
    scenario(
        "one of two instances with old failures was not scraped for an hour",
        lambda p: failures(
            failures(p, Counter(start=57)), Counter(start=3), instance=APP_2
        ).missing(lambda age: 20 * MINUTE < age < 80 * MINUTE, job="app", instance=APP_2),
    ),
    scenario(
        "a new pod failed, and was gone after one scrape",
        lambda p: failures(p, Counter(start=1, born=900), instance=APP_3).missing(
            lambda age: age < 900, FIXES
        ),
        NO_GO,
        schema_failure_rate=FAILURE,
    ),
    scenario(
        "old failures in two clusters that name their instances alike",
        lambda p: in_clusters(p, Counter(start=57)),
    ),
    scenario(
        "old failures in two clusters that name their instances alike, one was down",
        lambda p: down(
            in_clusters(p, Counter(start=57)), lambda age: 25 * 60 < age < 40 * 60, cluster="west"
        ),
    ),
    scenario(
        "a first failure in one of two clusters that name their instances alike",
        lambda p: failures(
            in_clusters(p, Counter(start=57)), Counter(start=1, born=60), mode="fast"
        ),
        NO_GO,
        schema_failure_rate=breach("mode=fast"),
    ),
    scenario(
        "nothing tells which targets are up",
        lambda p: failures(p.without("up"), Counter(start=3)),
        targets_up=skipped("the query matches nothing"),
    ),
    scenario(
        "failures without a brief that was counted",
        lambda p: failures(p, Counter(start=1, born=600)).without("llm_brief_total"),
        NO_GO,
        schema_failure_rate=ANY,
    ),
    scenario(
        "no brief was ever counted",
        lambda p: p.without("llm_brief_total"),
        WARNING,
        schema_failure_rate=no_data("no data"),
    ),
    scenario(
        "no brief for hours",
        lambda p: p.with_values("llm_brief_total", Counter(0)),
        WARNING,
        schema_failure_rate=no_data("no data"),
    ),
    scenario(
        "no brief on one instance",
        lambda p: p.with_values("llm_brief_total", Counter(0), instance=APP_2),
    ),
    scenario(
        "briefs were last counted ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, "llm_brief_total"),
        WARNING,
        schema_failure_rate=no_data("no data"),
    ),
]

API = [
    scenario(
        "errors exactly at the limit",
        lambda p: p.with_error_rate(0.005),
        NO_GO,
        api_error_rate=breach("error rate 0.5 %, must be < 0.5 %"),
    ),
    scenario(
        "errors just below the limit",
        lambda p: p.with_error_rate(0.00499),
        api_error_rate=go("error rate 0.499 % (< 0.5 %)"),
    ),
    scenario(
        "errors just above the limit",
        lambda p: p.with_error_rate(0.00501),
        NO_GO,
        api_error_rate=breach("error rate 0.501 %, limit 0.5 %"),
    ),
    scenario(
        "errors of three kinds add up",
        lambda p: errors(
            errors(errors(p, 0.4, status="500"), 0.4, status="502"), 0.4, status="503"
        ),
        NO_GO,
        api_error_rate=breach("error rate 0.596 %, limit 0.5 %"),
    ),
    scenario(
        "one of two instances errs",
        lambda p: errors(p, 3, status="500", instance=APP_2),
        NO_GO,
        api_error_rate=breach("error rate 0.744 %"),
    ),
    scenario(
        "only errors",
        lambda p: errors(p.without("http_requests_total"), 200, status="500"),
        NO_GO,
        api_error_rate=breach("error rate 100 %, limit 0.5 %"),
    ),
    scenario(
        "an error that never happened before",
        lambda p: p.with_series("http_requests_total", {"status": "500"}, Counter(20, born=60)),
        NO_GO,
        api_error_rate=breach("limit 0.5 %"),
    ),
    scenario(
        "errors long ago",
        lambda p: p.with_series("http_requests_total", {"status": "500"}, Counter(0)),
    ),
    scenario(
        "errors until six minutes ago",
        lambda p: p.with_error_rate(lambda age: 0.5 if age > 360 else 0),
    ),
    scenario(
        "errors for a minute",
        lambda p: p.with_error_rate(lambda age: 0.05 if age <= 60 else 0),
        NO_GO,
        api_error_rate=breach("limit 0.5 %"),
    ),
    scenario("clients err", lambda p: errors(p, 50, status="404")),
    scenario(
        "a restart resets the request counters",
        lambda p: p.with_error_rate(0.001).with_values(
            "http_requests_total", Counter(200, resets=[150]), status="200"
        ),
    ),
    scenario(
        "no request for hours",
        idle,
        WARNING,
        api_error_rate=no_data("0/0, nothing was counted"),
    ),
    scenario("no request on one instance", lambda p: idle(p, instance=APP_2)),
    scenario(
        "no request was ever counted",
        lambda p: p.without("http_requests_total"),
        WARNING,
        api_error_rate=no_data("the query matches nothing"),
    ),
    scenario(
        "requests were last counted ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, "http_requests_total"),
        WARNING,
        api_error_rate=no_data("the query matches nothing"),
    ),
    scenario(
        "requests are counted as NaN",
        lambda p: p.with_values("http_requests_total", math.nan),
        WARNING,
        api_error_rate=no_data("0/0, nothing was counted"),
    ),
    replace(
        scenario(
            "half of few requests are errors, and so few prove nothing",
            lambda p: p.with_error_rate(0.5, rate=0.1),
            WARNING,
            api_error_rate=no_data("60 requests in 5 minutes, 100 wanted"),
        ),
        settings=("api_requests_min=100",),
    ),
    replace(
        scenario(
            "half of few requests are errors, and so few are enough",
            lambda p: p.with_error_rate(0.5, rate=0.1),
            NO_GO,
            api_error_rate=breach("error rate 50 %, limit 0.5 %"),
        ),
        settings=("api_requests_min=60",),
    ),
    replace(
        scenario(
            "no request was ever counted, and some are wanted",
            lambda p: p.without("http_requests_total"),
            WARNING,
            api_error_rate=no_data("the query matches nothing"),
        ),
        settings=("api_requests_min=100",),
    ),
]
