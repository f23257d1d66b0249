"""Which metrics ``deploygate init`` recognises: the conventions of the usual clients."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_deploygate.cli.init.found import (
    Counted,
    Form,
    Latency,
    Measured,
    Requests,
    counts_http,
    is_status,
    latencies_of,
    requests_of,
)

JOB = "shop"

# Each convention: the metrics that have a status, with its label; the metrics of times, without
# their suffix; and what must be chosen of both.
CONVENTIONS: dict[
    str, tuple[Sequence[tuple[str, str]], Sequence[tuple[str, Form]], Requests, Latency]
] = {
    "a Python application's own": (
        [("http_requests_total", "status"), ("http_request_duration_seconds_count", "status")],
        [("http_request_duration_seconds", "histogram"), ("http_request_size_bytes", "histogram")],
        Requests("http_requests_total", "status", (JOB,)),
        Latency("http_request_duration_seconds", "histogram", (JOB,)),
    ),
    "an instrumentator for FastAPI": (
        [("http_requests_total", "status"), ("http_response_size_bytes_count", "status")],
        [
            ("http_request_duration_seconds", "histogram"),
            ("http_request_duration_highr_seconds", "histogram"),
            ("http_request_size_bytes", "mean"),
        ],
        Requests("http_requests_total", "status", (JOB,)),
        Latency("http_request_duration_highr_seconds", "histogram", (JOB,)),
    ),
    "the exporter for Starlette": (
        [
            ("starlette_requests_total", "status_code"),
            ("starlette_request_duration_seconds_count", "status_code"),
        ],
        [("starlette_request_duration_seconds", "histogram")],
        Requests("starlette_requests_total", "status_code", (JOB,)),
        Latency("starlette_request_duration_seconds", "histogram", (JOB,)),
    ),
    "the exporter for Flask": (
        [
            ("flask_http_request_total", "status"),
            ("flask_http_request_duration_seconds_count", "status"),
            ("flask_http_request_exceptions_total", "status"),
        ],
        [("flask_http_request_duration_seconds", "histogram")],
        Requests("flask_http_request_total", "status", (JOB,)),
        Latency("flask_http_request_duration_seconds", "histogram", (JOB,)),
    ),
    "the exporter for Django": (
        [
            ("django_http_responses_total_by_status_total", "status"),
            ("django_http_responses_total_by_status_view_method_total", "status"),
        ],
        [
            ("django_http_requests_latency_seconds_by_view_method", "histogram"),
            ("django_http_requests_latency_including_middlewares_seconds", "histogram"),
            ("django_http_requests_body_total_bytes", "histogram"),
            ("django_db_query_duration_seconds", "histogram"),
        ],
        Requests("django_http_responses_total_by_status_total", "status", (JOB,)),
        Latency("django_http_requests_latency_seconds_by_view_method", "histogram", (JOB,)),
    ),
    "Go's promhttp": (
        [
            ("http_requests_total", "code"),
            ("promhttp_metric_handler_requests_total", "code"),
            ("http_client_requests_total", "code"),
        ],
        [
            ("http_request_duration_seconds", "histogram"),
            ("http_client_request_duration_seconds", "histogram"),
            ("go_gc_pauses_seconds", "histogram"),
        ],
        Requests("http_requests_total", "code", (JOB,)),
        Latency("http_request_duration_seconds", "histogram", (JOB,)),
    ),
    "Micrometer with buckets": (
        [
            ("http_server_requests_seconds_count", "status"),
            ("http_client_requests_seconds_count", "status"),
        ],
        [
            ("http_server_requests_seconds", "histogram"),
            ("http_server_requests_seconds", "mean"),
            ("jvm_gc_pause_seconds", "histogram"),
        ],
        Requests("http_server_requests_seconds_count", "status", (JOB,)),
        Latency("http_server_requests_seconds", "histogram", (JOB,)),
    ),
    "Micrometer as it is": (
        [("http_server_requests_seconds_count", "status")],
        [("http_server_requests_seconds", "mean"), ("http_client_requests_seconds", "mean")],
        Requests("http_server_requests_seconds_count", "status", (JOB,)),
        Latency("http_server_requests_seconds", "mean", (JOB,)),
    ),
    "OpenTelemetry": (
        [
            ("http_server_request_duration_seconds_count", "http_response_status_code"),
            ("http_client_request_duration_seconds_count", "http_response_status_code"),
        ],
        [
            ("http_server_request_duration_seconds", "histogram"),
            ("http_client_request_duration_seconds", "histogram"),
        ],
        Requests("http_server_request_duration_seconds_count", "http_response_status_code", (JOB,)),
        Latency("http_server_request_duration_seconds", "histogram", (JOB,)),
    ),
    "OpenTelemetry as it was": (
        [("http_server_duration_milliseconds_count", "http_status_code")],
        [
            ("http_server_duration_milliseconds", "histogram"),
            ("http_server_response_size_bytes", "histogram"),
        ],
        Requests("http_server_duration_milliseconds_count", "http_status_code", (JOB,)),
        Latency("http_server_duration_milliseconds", "histogram", (JOB,)),
    ),
    "names of one's own": (
        [("shop_orders_total", "status")],
        [("shop_order_seconds", "histogram"), ("python_gc_seconds", "histogram")],
        Requests("shop_orders_total", "status", (JOB,)),
        Latency("shop_order_seconds", "histogram", (JOB,)),
    ),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_is_recognised(name: str) -> None:
    counters, times, requests, latency = CONVENTIONS[name]
    counted = [Counted(metric, JOB, label, "200") for metric, label in counters]
    measured = [Measured(metric, JOB, form) for metric, form in times]
    for order in (1, -1):
        found = requests_of(counted[::order])
        assert found == (requests,)
        assert latencies_of(measured[::order], found) == (latency,)


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("http_request_duration_seconds", "seconds"),
        ("http_server_duration_milliseconds", "ms"),
        ("http_server_duration", "ms"),
        ("http_request_duration_ms", "ms"),
        ("http_request_duration_microseconds", ""),
        ("http_request_latency", ""),
    ],
)
def test_the_name_says_the_unit(metric: str, unit: str) -> None:
    assert Latency(metric, "histogram", (JOB,)).unit == unit


def test_jobs_of_one_convention_are_judged_together_and_most_jobs_come_first() -> None:
    counted = [
        Counted("http_requests_total", "cart", "status", "200"),
        Counted("http_server_requests_seconds_count", "billing", "status", "200"),
        Counted("http_requests_total", "search", "status", "404"),
    ]
    assert requests_of(counted) == (
        Requests("http_requests_total", "status", ("cart", "search")),
        Requests("http_server_requests_seconds_count", "status", ("billing",)),
    )


def test_monitoring_counts_only_where_there_is_nothing_else() -> None:
    own = Counted("prometheus_http_requests_total", "prometheus", "code", "200")
    scrapes = Counted("promhttp_metric_handler_requests_total", "node", "code", "200")
    shop = Counted("http_requests_total", "shop", "code", "200")
    assert [one.metric for one in requests_of([own, scrapes, shop])] == [shop.metric]
    assert [one.metric for one in requests_of([own, scrapes])] == [own.metric]
    assert requests_of([scrapes]) == ()


def test_times_of_something_else_are_no_latency() -> None:
    measured = [Measured("db_query_seconds", JOB, "histogram")]
    assert latencies_of(measured, [Requests("http_requests_total", "code", (JOB,))]) == ()
    assert latencies_of(measured, []) == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["200", "404", "500"], True),
        (["2xx", "5xx"], True),
        (["500", "503"], False),  # nothing succeeded: it may be anything
        (["200", "8080"], False),
        (["200", "GET"], False),
        (["200", ""], False),
        ([], False),
    ],
)
def test_a_label_of_statuses_is_known_by_its_values(values: list[str], expected: bool) -> None:
    assert is_status(values) is expected


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("http_requests_total", True),
        ("api_http_responses_total", True),
        ("http_request_duration_seconds_count", True),
        ("http_request_size_bytes_count", False),
        ("http_client_requests_total", False),
        ("http_requests_in_progress", False),
        ("orders_total", False),
    ],
)
def test_a_counter_of_http_is_known_by_its_name(metric: str, expected: bool) -> None:
    assert counts_http(metric) is expected
