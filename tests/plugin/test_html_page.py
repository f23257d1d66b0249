"""The page as a run writes it, and what its charts cost that run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qs

import pytest

from tests.conftest import END, Gate
from tests.servers import Server

CHECKS = ("--pyargs", "gate_checks")
CRITERIA = """
from pytest_deploygate import Criterion, gate_criteria

@gate_criteria([
    Criterion(id=f"load_{n}", query="load", below=10.0, match={"instance": f"app-{n}"})
    for n in range(40)
])
def test_load(criterion, gate):
    gate.check(criterion)
"""


class Load(BaseHTTPRequestHandler):
    """Answers every instant query well, and range queries in its own way."""

    instances = 40
    ranges = "well"
    asked: list[str]
    over: Event

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.asked.append(self.path)
        if self.path == "/api/v1/query":
            self._answer("vector", "value", [float(form["time"][0]), "1"])
        elif self.ranges == "well":
            end = float(form["end"][0])
            self._answer("matrix", "values", [[end - 60, "1"], [end, "1"]])
        elif self.ranges == "never":
            self.over.wait(60)
        else:
            self.send_error(422, "too much")

    def _answer(self, kind: str, key: str, value: object) -> None:
        found = [{"metric": {"instance": f"app-{n}"}, key: value} for n in range(self.instances)]
        document = {"status": "success", "data": {"resultType": kind, "result": found}}
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def load(ranges: str) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    over = Event()
    handler = type("Handler", (Load,), {"ranges": ranges, "asked": asked, "over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def charts(page: Path) -> int:
    return page.read_text(encoding="utf-8").count('<figure class="chart">')


def evidence(path: Path) -> dict[str, int]:
    """How many instant and how many range queries were answered."""
    answers = json.loads(path.read_text(encoding="utf-8"))["answers"]
    return {
        "instant": sum("time" in one for one in answers),
        "range": sum("step" in one for one in answers),
    }


def test_every_check_of_a_run_on_a_server_has_its_chart(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    at = ("--prometheus-url", healthy.url, "--gate-at", str(END))
    assert run_gate(*workers, *CHECKS, *at, "--gate-html", "new/page.html").ret == 0
    page = pytester.path / "new" / "page.html"
    assert charts(page) == 14
    assert re.search(r"<h1>\s*GO\s*</h1>", page.read_text(encoding="utf-8"))


def test_charts_are_part_of_the_evidence_and_are_there_again_in_a_replay(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    at = ("--prometheus-url", healthy.url, "--gate-at", str(END))
    outputs = ("--gate-html", "live.html", "--gate-record", "evidence.json")
    assert run_gate(*workers, *CHECKS, *at, *outputs).ret == 0
    replay = ("--gate-replay", "evidence.json", "--gate-html", "replay.html")
    assert run_gate(*workers, *CHECKS, *replay).ret == 0
    live, again = (pytester.path / f"{name}.html" for name in ("live", "replay"))
    assert charts(live) == charts(again) == 14
    lines = [re.findall(r' d="(M[^"]*)"', p.read_text(encoding="utf-8")) for p in (live, again)]
    assert lines[0] == lines[1]


def test_evidence_without_the_history_gives_the_same_verdict_and_no_chart(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    at = ("--prometheus-url", healthy.url, "--gate-at", str(END))
    assert run_gate(*CHECKS, *at, "--gate-record", "evidence.json").ret == 0
    outputs = ("--gate-html", "page.html", "--gate-record", "again.json")
    assert run_gate(*CHECKS, "--gate-replay", "evidence.json", *outputs).ret == 0
    # sustained, trend and runaway are judged by their own history
    assert charts(pytester.path / "page.html") == 3
    first, second = (pytester.path / name for name in ("evidence.json", "again.json"))
    assert evidence(first) == evidence(second) == {"instant": 12, "range": 3}


def test_without_a_page_no_history_is_asked_for(run_gate: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CRITERIA)
    with load("well") as (url, asked):
        assert run_gate("--prometheus-url", url).ret == 0
    assert asked == ["/api/v1/query"]


def test_checks_that_share_an_expression_share_one_history(
    run_gate: Gate, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(CRITERIA)
    with load("well") as (url, asked):
        assert run_gate(*workers, "--prometheus-url", url, "--gate-html", "page.html").ret == 0
    assert asked.count("/api/v1/query_range") == 1
    assert charts(pytester.path / "page.html") == 40


@pytest.mark.parametrize("ranges", ["refused", "never"])
def test_a_history_that_cannot_be_fetched_changes_nothing_but_the_page(
    run_gate: Gate, pytester: pytest.Pytester, workers: tuple[str, ...], ranges: str
) -> None:
    pytester.makepyfile(CRITERIA)
    with load(ranges) as (url, _):
        options = ("--gate-query-timeout", "1s", "--gate-html", "page.html")
        ran = run_gate(*workers, "--prometheus-url", url, *options)
    assert ran.ret == 0
    assert charts(pytester.path / "page.html") == 0
    ran.stdout.fnmatch_lines(["*GO (exit code 0)*"])


def test_the_template_engine_is_imported_for_a_page_only(
    start_gate: Gate, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_passes(): pass")
    pytester.makeconftest(
        """
        import atexit, sys
        atexit.register(lambda: print("jinja2", "jinja2" in sys.modules))
        """
    )
    assert "jinja2 False" in start_gate().outlines
    assert "jinja2 True" in start_gate("--gate-html", "page.html").outlines


def test_the_page_can_be_asked_for_in_the_configuration(
    run_gate: Gate, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_passes(): pass")
    (pytester.path / "deploygate.toml").write_text('gate-html = "out/gate.html"\n')
    ran = run_gate()
    ran.stdout.fnmatch_lines(["Wrote: *out/gate.html (--gate-html)"])
    assert (pytester.path / "out" / "gate.html").is_file()


def test_a_run_without_a_verdict_has_a_page_that_says_so(
    run_gate: Gate, pytester: pytest.Pytester
) -> None:
    assert run_gate("--gate-html", "page.html").ret == 2
    text = (pytester.path / "page.html").read_text(encoding="utf-8")
    assert "No verdict was reached" in text
    assert "nothing was collected" in text


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_asked(
    run_gate: Gate, pytester: pytest.Pytester
) -> None:
    pytester.mkdir("taken")
    ran = run_gate("--gate-html", "taken")
    assert ran.ret == 4
    ran.stderr.fnmatch_lines(["*--gate-html *taken: cannot be written (is a directory)*"])
