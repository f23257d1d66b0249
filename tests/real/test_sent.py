"""What every request to the server says: no partial answers, no cached ones, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import END, Gate
from tests.faults import Exchange, Fault, Request, faulty, refusing_post
from tests.servers import Server

WHOLE = {"partial_response": "false", "deny_partial_response": "1", "nocache": "1"}
SERVERS = {"POST": Fault(Exchange.pass_on), "GET": refusing_post(405)}
KINDS = {"/api/v1/query": {"time"}, "/api/v1/query_range": {"start", "end", "step"}}


@pytest.mark.parametrize("method", SERVERS)
def test_every_query_wants_a_whole_answer_as_its_tenant(
    method: str, run_gate: Gate, healthy: Server, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    config = tmp_path / "http.yml"
    config.write_text("http_headers: {X-Scope-OrgID: {values: [team-a]}}", encoding="utf-8")
    with faulty(healthy.url, SERVERS[method]) as proxy:
        where = (f"--prometheus-url={proxy.url}", f"--prometheus-config={config}")
        assert run_gate("--pyargs", "gate_checks", f"--gate-at={END}", *where, *workers).ret == 0
    asked = [request for request in proxy.requests if request.method == method]
    # Each process that judges a latency asks for the buckets of its histogram.
    assert len({request.parameters["query"] for request in asked}) == 15
    assert {request.path.partition("?")[0] for request in asked} == set(KINDS)
    for request in asked:
        assert_whole(request)


def assert_whole(request: Request) -> None:
    """A POST has it all in its form, a GET in its URL, and both have the tenant."""
    form = request.method == "POST"
    kind = KINDS[request.path if form else request.path.partition("?")[0]]
    assert request.parameters.keys() == {"query", "timeout", *kind, *WHOLE}
    assert request.parameters.items() >= WHOLE.items()
    assert request.headers["X-Scope-OrgID"] == "team-a"
    assert bool(request.body) is form
    assert not form or request.headers["Content-Type"] == "application/x-www-form-urlencoded"
