"""Series that appear, and labels that are gone."""

from __future__ import annotations

from dataclasses import replace

from tests.production import Counter, Production
from tests.real.cases_targets import TRAINING
from tests.real.cases_traffic import errors, failures, gone_back_and_gone
from tests.real.scenario import NO_GO, WARNING, breach, go, no_data, scenario
from tests.real.states import APP_1, APP_2, APP_3, copied, joined, relabelled
from tests.samples import LATENCY, Values

REQUESTS = "http_requests_total"
BUCKET = f"{LATENCY}_bucket"
MINUTE = 60.0


def answered(p: Production, status: str, values: Values, **labels: str) -> Production:
    """So many requests were answered with a status, on app-1 unless another is named."""
    return p.with_series(REQUESTS, {"status": status, "instance": APP_1, **labels}, values)


def outage(p: Production, born: float, value: float, rate: float = 0.0) -> Production:
    """The first 5xx of app-1 are seen at an age, so many at once, and then go on at a rate."""
    return answered(p, "503", Counter(rate, start=value, born=born))


def without_status(p: Production, **labels: str) -> Production:
    """Requests are counted without the label ``status``."""
    return relabelled(p, {"status": "", "code": "200"}, REQUESTS, **labels)


def without_mode(p: Production, name: str, **labels: str) -> Production:
    """A metric has another label in the place of ``mode``."""
    for mode in ("fast", "balanced", "creative"):
        p = relabelled(p, {"mode": "", "kind": mode}, name, mode=mode, **labels)
    return p


LATENCIES = ("fast_p95_latency", "balanced_p95_latency", "creative_p95_latency")

FIRST = [
    scenario(
        "an outage at its first scrape",
        lambda p: outage(p, 0, 6000),
        NO_GO,
        api_error_rate=breach("error rate 4.", "limit 0.5", "; worst: 9.", "instance=app-1:8000"),
    ),
    scenario(
        "an outage at its second scrape",
        lambda p: outage(p, 60, 6000, 100),
        NO_GO,
        api_error_rate=breach("limit 0.5", "instance=app-1:8000"),
    ),
    scenario(
        "a first burst of errors, two minutes ago",
        lambda p: outage(p, 120, 1500),
        NO_GO,
        api_error_rate=breach("error rate 1.2", "instance=app-1:8000"),
    ),
    replace(
        scenario(
            "a first burst of errors, scraped every 15 seconds",
            lambda p: outage(p, 105, 1500),
            NO_GO,
            api_error_rate=breach("error rate 1.2"),
        ),
        scraped=15.0,
    ),
    replace(
        scenario(
            "an outage between its first scrape and the second",
            lambda p: outage(p, 0, 6000),
            NO_GO,
            api_error_rate=breach("limit 0.5"),
        ),
        later=50.0,
    ),
    scenario(
        "a first error among many requests",
        lambda p: outage(p, 0, 1),
        api_error_rate=go("error rate 0.000"),
    ),
    scenario("a first burst of errors, six minutes ago", lambda p: outage(p, 360, 1500)),
    scenario(
        "a first burst of errors of another status",
        lambda p: outage(answered(p, "500", Counter(0)), 60, 1500),
        NO_GO,
        api_error_rate=breach("error rate 1.2"),
    ),
    scenario(
        "errors begin again after a restart took their counter away",
        lambda p: answered(
            p, "503", lambda age: 57 if age > 1800 else (1500 if age <= 120 else None)
        ),
        NO_GO,
        api_error_rate=breach("error rate 1.2"),
    ),
    scenario(
        "a new pod whose first sample holds errors",
        lambda p: answered(
            joined(p, "app-3", 120), "503", Counter(0, start=5000, born=120), instance=APP_3
        ),
        WARNING,
        api_error_rate=go("error rate 0 %"),
        **dict.fromkeys(TRAINING, no_data("instance=app-3:8000")),
    ),
    scenario(
        "a first status that is no error",
        lambda p: answered(p, "404", Counter(start=50_000, born=60)),
    ),
    scenario(
        "errors, and a first burst of another status that is no error",
        lambda p: answered(
            errors(p, 4, status="500"), "404", Counter(start=500_000, born=60), instance=APP_2
        ),
        api_error_rate=go("error rate 0."),
    ),
    scenario(
        "a pair of Prometheus servers sees a first burst of errors",
        lambda p: copied(outage(p, 120, 1500), {"prometheus_replica": "b"}, name=REQUESTS),
        NO_GO,
        api_error_rate=breach("error rate 1.2"),
    ),
    scenario(
        "an outage at its first scrape, and nothing is answered well",
        lambda p: outage(
            p.with_values(REQUESTS, Counter(lambda age: 200 if age > 60 else 0), instance=APP_1),
            0,
            12_000,
        ),
        NO_GO,
        api_error_rate=breach("limit 0.5"),
    ),
    scenario(
        "the proxy's own errors",
        lambda p: errors(errors(p, 1, status="520"), 1, status="524"),
        NO_GO,
        api_error_rate=breach("error rate 0.99"),
    ),
    scenario("clients that gave up are no errors", lambda p: errors(p, 50, status="499")),
    scenario(
        "errors that are counted as a class",
        lambda p: errors(p, 3, status="5xx"),
        NO_GO,
        api_error_rate=breach("error rate 1.4"),
    ),
]

LABELS = [
    scenario(
        "requests are counted without their status",
        without_status,
        WARNING,
        api_error_rate=no_data(
            "no data: no label status", "instance=app-1:8000", "instance=app-2:8000"
        ),
    ),
    scenario(
        "one instance counts requests without their status",
        lambda p: without_status(p, instance=APP_2),
        WARNING,
        api_error_rate=no_data(
            "no data for 1 of 2 series", "instance=app-2:8000", "no label status", "error rate 0 %"
        ),
    ),
    scenario(
        "one instance counts without the status, the other errs",
        lambda p: without_status(errors(p, 5, status="500", instance=APP_1), instance=APP_2),
        NO_GO,
        api_error_rate=breach("error rate 2.4", "limit 0.5"),
    ),
    scenario(
        "an idle instance counts requests without their status",
        lambda p: without_status(
            p.with_values(REQUESTS, Counter(0), instance=APP_2), instance=APP_2
        ),
    ),
    scenario(
        "latencies are measured without their mode",
        lambda p: without_mode(p, BUCKET),
        WARNING,
        **dict.fromkeys(LATENCIES, no_data("no data: no label mode", "instance=app-1:8000")),
        creative_p95_sustained=no_data("the query matches nothing"),
    ),
    scenario(
        "one instance measures latencies without their mode",
        lambda p: without_mode(p, BUCKET, instance=APP_2),
        WARNING,
        **dict.fromkeys(LATENCIES, no_data("no data for 1 of 2 series", "instance=app-2:8000")),
    ),
    scenario(
        "one instance measures latencies without their mode, the other is slow",
        lambda p: without_mode(p.with_latency("fast", 6), BUCKET, instance=APP_2),
        NO_GO,
        fast_p95_latency=breach("p95 6.00 s", "instance=app-1:8000"),
        balanced_p95_latency=no_data("no label mode"),
        creative_p95_latency=no_data("no label mode"),
    ),
    scenario(
        "hit rates are measured without their mode",
        lambda p: without_mode(p, "cache_hit_rate"),
        WARNING,
        fast_cache_hit_rate=no_data("no data: no label mode", "kind="),
        balanced_cache_hit_rate=no_data("no data: no label mode"),
    ),
    scenario(
        "one instance measures hit rates without their mode",
        lambda p: without_mode(p, "cache_hit_rate", instance=APP_1),
        WARNING,
        fast_cache_hit_rate=no_data("instance=app-1:8000", "no label mode"),
        balanced_cache_hit_rate=no_data("instance=app-1:8000", "no label mode"),
    ),
]


def crash_loop(age: float) -> float | None:
    """Every twelve minutes a new life, whose counter begins with a failure after seven."""
    return 1 if (6 * MINUTE - age) % (12 * MINUTE) >= 7 * MINUTE else None


AGAIN = [
    scenario(
        "a crash loop with a failure in each life, and none yet in this one",
        lambda p: failures(p, crash_loop),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
    ),
    scenario(
        "a failure counter comes back with the same value and is gone, beside an outage",
        lambda p: failures(p, gone_back_and_gone(back=20 * MINUTE, gone=6 * MINUTE)).with_series(
            "up",
            {"job": "app", "instance": APP_1},
            lambda age: 0 if 1750 <= age <= 1900 else 1,
        ),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
    ),
    scenario(
        "one of a pair of Prometheus servers was down, beside old failures",
        lambda p: copied(
            failures(p, Counter(start=3)), {"prometheus_replica": "b"}, job="app"
        ).missing(lambda age: 15 * MINUTE < age < 60 * MINUTE, prometheus_replica="b"),
    ),
    scenario(
        "both of a pair of Prometheus servers see a failure",
        lambda p: copied(
            failures(p, Counter(start=1, born=600)), {"prometheus_replica": "b"}, job="app"
        ),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
    ),
    scenario(
        "the Prometheus of one of two clusters was down, beside old failures",
        lambda p: copied(failures(p, Counter(start=3)), {"cluster": "west"}, job="app").missing(
            lambda age: 15 * MINUTE < age < 60 * MINUTE, cluster="west"
        ),
    ),
    scenario(
        "a failure in one of two clusters while the Prometheus of the other was down",
        lambda p: failures(
            copied(p, {"cluster": "west"}, name="up", job="app").missing(
                lambda age: 15 * MINUTE < age < 60 * MINUTE, cluster="west"
            ),
            gone_back_and_gone(back=20 * MINUTE, gone=-1),
        ),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
    ),
]
