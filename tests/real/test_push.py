"""The gate's own metrics in a real Pushgateway, and what becomes of a push that fails."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

from pytest_deploygate.core.result import Status
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.http.access import access_by_url
from pytest_deploygate.http.client import put
from pytest_deploygate.reports.push import push
from tests import servers
from tests.conftest import Gate
from tests.made import report, result
from tests.real.test_access import BCRYPT, USER

GOOD = "import pytest\n@pytest.mark.critical\ndef test_good(): pass"
IN_URL = f"{USER}:pass-Z%C3%BCrich%3A77@"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[servers.Server]:
    """A Pushgateway that wants a password."""
    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users: {{{USER}: {BCRYPT!r}}}")
    with servers.pushgateway(tmp_path, f"--web.config.file={web}") as server:
        yield server


def held(server: servers.Server) -> set[str]:
    """The gate's samples that the Pushgateway holds."""
    headers = access_by_url(with_user(server.url), Redactor(), origin="").headers
    sent = {name: secret.reveal() for name, secret in headers.items()}
    answer = requests.get(f"{server.url}/metrics", headers=sent, timeout=10)
    answer.raise_for_status()
    return {line for line in answer.text.splitlines() if line.startswith("deployment_gate_")}


def pushed(url: str, *, within: float = 10.0, environment: str = "", **checks: Status) -> str:
    """Push a report of these checks; return what came in the way."""
    access = access_by_url(url, Redactor(), origin="--gate-pushgateway")
    made = report(*(result(s, id=i) for i, s in checks.items()), environment=environment)
    return push(made, partial(put, access), within=within)


def with_user(url: str) -> str:
    return url.replace("://", f"://{IN_URL}")


def test_a_push_replaces_the_one_before(gateway: servers.Server) -> None:
    url = with_user(gateway.url) + "/"
    assert pushed(url, one=Status.GO, two=Status.GO) == ""
    assert 'deployment_gate_status{instance="",job="deploygate"} 1' in held(gateway)
    assert pushed(url, one=Status.NO_GO) == ""
    assert 'deployment_gate_status{instance="",job="deploygate"} 0' in held(gateway)
    assert not any("two" in line for line in held(gateway))


@pytest.mark.parametrize("name", ["production", "a/b c", "ü#", ".."])
def test_environments_do_not_replace_each_other(gateway: servers.Server, name: str) -> None:
    url = with_user(gateway.url)
    assert pushed(url, environment=name, one=Status.NO_GO) == ""
    assert pushed(url, environment="other", one=Status.GO) == ""
    assert pushed(url, one=Status.GO) == ""
    statuses = [line for line in held(gateway) if line.startswith("deployment_gate_status{")]
    label = name.replace("#", r"\\x23")
    mine = f'deployment_gate_status{{environment="{label}",instance="",job="deploygate"}} 0'
    assert mine in statuses
    assert len(statuses) == 3


def test_a_wrong_password_is_reported(gateway: servers.Server) -> None:
    message = pushed(gateway.url.replace("://", "://gate:wrong-one@"), one=Status.GO)
    assert message == "it answers 401: Unauthorized"


@contextmanager
def raw(*answer: bytes, drip: bytes = b"") -> Iterator[str]:
    """A server that answers every connection with these bytes, and then drips or is silent."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 20)
            self.request.sendall(b"".join(answer))
            while drip and not over.wait(0.02):
                self.request.sendall(drip)
            over.wait(0 if answer and not drip else 60)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """The client may leave at any time."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        over.set()
        server.shutdown()


def test_a_server_that_answers_nothing_is_given_up() -> None:
    with raw() as url:
        assert pushed(url, within=0.3, one=Status.GO) == "no complete response in time"


def test_a_server_that_answers_byte_by_byte_is_given_up() -> None:
    with raw(b"HTTP/1.1 200 OK\r\nX: ", drip=b"x") as url:
        assert pushed(url, within=0.3, one=Status.GO) == "no complete response in time"


def test_a_server_with_another_protocol_is_reported() -> None:
    with raw(b"SSH-2.0-OpenSSH\r\n") as url:
        assert pushed(url, one=Status.GO) == "SSH-2.0-OpenSSH  "


def test_a_redirect_is_not_followed() -> None:
    with raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as other:
        assert pushed(other, one=Status.GO) == ""
        moved = f"HTTP/1.1 302 Found\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n"
        with raw(moved.encode()) as url:
            message = pushed(with_user(url), one=Status.GO)
            assert message == "it answers 302 (redirects are not followed)"


def test_a_run_pushes_its_verdict(
    gateway: servers.Server, pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(GOOD)
    run = run_gate(*workers, "--gate-pushgateway", with_user(gateway.url))
    assert run.ret == 0
    labels = 'check="good",instance="",job="deploygate",severity="critical"'
    assert f"deployment_gate_check_status{{{labels}}} 1" in held(gateway)
    run.stdout.no_fnmatch_line("*pushed*")


def refused(pytester: pytest.Pytester, run_gate: Gate, url: str, *more: str) -> str:
    """Run a gate whose push must fail; return its notice."""
    pytester.makepyfile(GOOD)
    run = run_gate("--gate-pushgateway", url, "--gate-json", "g.json", *more)
    assert run.ret == 0
    written = (pytester.path / "g.json").read_text()
    assert json.loads(written)["overall_status"] == "GO"
    [notice] = json.loads(written)["notices"]
    assert isinstance(notice, str)
    run.stdout.fnmatch_lines(["*Notice: nothing was pushed to --gate-pushgateway http*"])
    for text in (written, run.stdout.str(), run.stderr.str()):
        assert "hush-hush" not in text
    return notice


def test_a_push_that_fails_is_a_notice_and_changes_no_verdict(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    url = f"http://127.0.0.1:{servers.free_port()}"
    notice = refused(pytester, run_gate, url.replace("://", "://me:hush-hush@"), *workers)
    assert notice == f"nothing was pushed to --gate-pushgateway {url}: Connection refused"


def test_credentials_that_a_server_sends_back_are_not_shown(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    body = b"HTTP/1.1 400 Bad\r\n\r\nwhat is hush-hush\x1b[31m?"
    with raw(body) as url:
        notice = refused(pytester, run_gate, url.replace("://", "://me:hush-hush@"))
    assert notice.endswith(r"it answers 400: what is ***\x1b[31m?")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gate-demo", "go"), "a recording was judged, not production as it is now"),
        (("--gate-at", "1790000000"), "another time was judged, not production as it is now"),
    ],
)
def test_what_is_not_about_now_is_not_pushed(
    pytester: pytest.Pytester, run_gate: Gate, arguments: tuple[str, ...], message: str
) -> None:
    with raw(b"HTTP/1.1 500 x\r\n\r\n") as url:
        assert refused(pytester, run_gate, url, *arguments).endswith(f": {message}")


def test_a_url_that_is_none_is_refused_before_the_run(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(GOOD)
    run = run_gate("--gate-pushgateway", "me:hush-hush@pushgateway:9091")
    assert run.ret == 4
    run.stderr.fnmatch_lines(["ERROR: deploygate: --gate-pushgateway * is not a valid URL*"])
