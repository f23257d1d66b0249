"""The URL of a server: what is sent along, and what is refused."""

from __future__ import annotations

import pytest

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.urls import below
from pytest_deploygate.http.access import access_by_url
from pytest_deploygate.http.server_access import access_to
from pytest_deploygate.sources.prometheus import PrometheusSource


@pytest.mark.parametrize(
    ("url", "path", "query", "whole"),
    [
        ("http://h", "api", "", "http://h/api"),
        ("http://h/", "api", "a=1", "http://h/api?a=1"),
        ("http://h/base/?t=1", "api", "a=1", "http://h/base/api?t=1&a=1"),
        ("http://h/base?t=1", "", "", "http://h/base?t=1"),
        ("http://h?t=1", "api", "", "http://h/api?t=1"),
        ("http://[::1]:9090/", "api", "", "http://[::1]:9090/api"),
    ],
)
def test_a_page_is_below_the_url_of_its_server(url: str, path: str, query: str, whole: str) -> None:
    assert below(url, path, query) == whole


@pytest.mark.parametrize(
    ("url", "cut"),
    [
        ("http://h/api/v1", "cut off /api/v1"),
        ("http://h:9090/api/v1/", "cut off /api/v1/"),
        ("http://h/base/api/v1/query?query=up", "cut off /api/v1/query and what follows"),
        ("http://h/api/v1/query_range", "cut off /api/v1/query_range"),
        ("http://h/graph?g0.expr=up&g0.tab=1", "cut off /graph and what follows"),
        ("http://me:hush-hush@h/graph", "cut off /graph"),
        ("http://h/-/healthy", "cut off /-/healthy"),
        ("http://h/?query=up", "the gate sends query itself; cut it off"),
        ("http://h/?g0.expr=up", "the gate sends g0.expr itself; cut it off"),
        ("http://h/?tenant=1&nocache=0", "the gate sends nocache itself; cut it off"),
        ("http://h/#/graph", "#/graph is for a browser, and is never sent to a server; cut it off"),
    ],
)
def test_a_pasted_page_is_told_what_to_cut(url: str, cut: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        access_to(url, Redactor(), origin="--prometheus-url", environ={})
    assert str(caught.value).startswith("--prometheus-url")
    assert cut in str(caught.value)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://h/api/v1/namespaces/m/services/p/proxy", "http://h/graphs", "http://h/query"]
)
def test_other_paths_are_taken(url: str) -> None:
    assert access_to(url, Redactor(), origin="", environ={}).url == url


def test_a_key_among_the_parameters_is_a_secret() -> None:
    redactor = Redactor()
    access = access_by_url("http://h/?tenant=7&api_key=hush-hush", redactor, origin="")
    assert access.url == "http://h/?tenant=7&api_key=hush-hush"
    location = PrometheusSource(access, connections=1).info.location
    assert location == "http://h/?tenant=7&api_key=***"
