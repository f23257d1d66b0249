"""The parameters of a request: those of the URL always go along, others only where known."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gate_checks.criteria import LATENCY, RL
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.series import InstantQuery, RangeQuery
from pytest_deploygate.reports.links import graph_link
from tests.conftest import END
from tests.faults import Exchange, Fault, faulty
from tests.made import result
from tests.real.asking import gate_run, judged
from tests.servers import Server

KNOWN = {"query", "time", "start", "end", "step"}
INSTANT = InstantQuery("count(up)", END)
RANGE = RangeQuery("count(up)", END - 60, END, 15)


def strict(known: set[str], words: str, *, code: int = 400) -> Fault:
    """Refuse the parameters that are not known, in these words, as Google's API does."""

    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        unknown = [name for name in exchange.request.parameters if name not in known]
        if unknown:
            error = {"code": code, "message": words.format(unknown[0])}
            exchange.send(code, json.dumps({"error": error}).encode())
        else:
            exchange.pass_on()

    return Fault(inject)


@pytest.mark.parametrize("known", [KNOWN | {"timeout"}, KNOWN])
@pytest.mark.parametrize(
    "words",
    ['unknown parameter "{}"', 'Invalid JSON payload received. Unknown name "{}": Cannot bind'],
)
def test_parameters_that_a_server_does_not_know_are_left_out(
    healthy: Server, known: set[str], words: str
) -> None:
    with faulty(healthy.url, strict(known, words)) as proxy:
        run = gate_run(proxy.url, END)
        assert run.ask(INSTANT).series[0].value == 8
        first = len(proxy.requests)
        assert run.ask(RANGE).series[0].value == 8
        assert first in (2, 3)
        assert len(proxy.requests) == first + 1  # it is remembered
        assert {*proxy.requests[-1].parameters} <= known


def test_an_invalid_query_says_nothing_about_the_parameters(healthy: Server) -> None:
    with faulty(healthy.url, strict(KNOWN, "nocache", code=200)) as proxy:
        run = gate_run(proxy.url, END)
        with pytest.raises(SourceError):
            run.ask(InstantQuery("nocache(", END))
    with faulty(healthy.url, Fault(Exchange.pass_on)) as proxy:
        run = gate_run(proxy.url, END)
        with pytest.raises(SourceError, match="the query is not valid"):
            run.ask(InstantQuery("nocache(", END))
        run.ask(INSTANT)
        assert "nocache" in proxy.requests[-1].parameters


def own(path: str) -> list[str]:
    return parse_qs(urlsplit(path).query).get("extra_label", [])


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_parameters_of_the_url_go_along(healthy: Server, method: str) -> None:
    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        if exchange.request.method == method:
            exchange.pass_on()
        else:
            exchange.send(405)

    with faulty(healthy.url, Fault(inject)) as proxy:
        run = gate_run(f"{proxy.url}/?extra_label=env%3Dprod&extra_label=a", END)
        for query in (INSTANT, RANGE):
            assert run.ask(query).series[0].value == 8
        assert all(own(request.path) == ["env=prod", "a"] for request in proxy.requests)
        link = graph_link(run.source.info, result(query="up"))
        assert own(link) == ["env=prod", "a"]
        assert parse_qs(urlsplit(link).query)["g0.expr"] == ["up"]


def test_a_redirect_does_not_lose_them(healthy: Server) -> None:
    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        path = urlsplit(exchange.request.path).path
        if path.startswith("/old"):
            exchange.send(307, headers={"Location": path.removeprefix("/old")})
        else:
            exchange.pass_on()

    with faulty(healthy.url, Fault(inject)) as proxy:
        run = gate_run(f"{proxy.url}/old?extra_label=a", END)
        assert run.ask(INSTANT).series[0].value == 8
        assert [own(request.path) for request in proxy.requests] == [["a"], ["a"]]


def test_a_server_may_round_a_range_down_to_whole_steps(healthy: Server) -> None:
    shifted: list[float] = []

    def inject(exchange: Exchange) -> None:
        """Answer as a query frontend does that caches whole steps."""
        assert exchange.request is not None
        given = exchange.request.parameters
        if step := float(given.get("step", 0)):
            rounded = {name: float(given[name]) // step * step for name in ("start", "end")}
            shifted.extend(float(given[name]) - time for name, time in rounded.items())
            body = urlencode({**given, **rounded}).encode()
            exchange.request = replace(exchange.request, body=body)
        exchange.pass_on()

    ranged = [one for one in (*LATENCY, *RL) if one.kind is not None]
    plain = judged(gate_run(healthy.url, END), ranged)
    with faulty(healthy.url, Fault(inject)) as proxy:
        found = judged(gate_run(proxy.url, END), ranged)
    assert len(ranged) == 3
    assert any(shifted)
    assert {id: one.status for id, one in found.items()} == dict.fromkeys(plain, Status.GO)


def test_https_to_a_server_without_tls_is_told_so(healthy: Server) -> None:
    url = healthy.url.replace("http:", "https:")
    with pytest.raises(SourceError, match="does not speak TLS; write http:// instead of https://"):
        gate_run(url, END).ask(INSTANT)
