"""The environment is read once: it changes around every test, while threads are asking."""

from __future__ import annotations

import time
import urllib.request

import pytest

from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.series import InstantQuery
from pytest_deploygate.sources.prometheus import PrometheusSource, open_server
from tests.conftest import END
from tests.servers import Server


def source(url: str) -> PrometheusSource:
    return open_server(url, Redactor(), origin="--prometheus-url", environ={})


def test_an_environment_that_changes_meanwhile_disturbs_no_query(
    healthy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = source(healthy.url)

    def changing() -> dict[str, str]:
        raise KeyError("PYTEST_CURRENT_TEST")

    monkeypatch.setattr(urllib.request, "getproxies_environment", changing)
    monkeypatch.setattr("requests.utils.getproxies", changing)
    answer = asked.ask(InstantQuery("sum(up)", END), time.monotonic() + 10)
    assert [series.value for series in answer.series] == [8.0]


def test_the_proxy_of_the_environment_is_used(
    healthy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", healthy.url)
    monkeypatch.setenv("http_proxy", healthy.url)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    asked = source("http://prometheus.invalid")
    # Prometheus answers a proxy's request for another host by its path alone.
    answer = asked.ask(InstantQuery("sum(up)", END), time.monotonic() + 10)
    assert [series.value for series in answer.series] == [8.0]
