"""Where credentials and headers arrive, and where they never do: servers and a proxy of our own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.series import InstantQuery
from pytest_deploygate.sources.prometheus import open_server

ANSWER = '{"status":"success","data":{"resultType":"scalar","result":[%s,"7"]}}'
SECRET = "hush-hush-9"


class Recorder(ThreadingHTTPServer):
    """Remembers what it was sent; answers 7, or with a redirect."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.redirect = ""
        self.seen: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        self.server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        moved = self.server.redirect and "/moved" not in self.path
        self.send_response(307 if moved else 200)
        body = b"" if moved else (ANSWER % round(AT, 3)).encode()
        if moved:
            self.send_header("Location", self.server.redirect)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


AT = time.time()


@contextmanager
def serving() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def two() -> Iterator[tuple[Recorder, Recorder]]:
    with ExitStack() as stack:
        yield stack.enter_context(serving()), stack.enter_context(serving())


def ask(url: str, directory: Path, config: str, **environ: str) -> float:
    path = directory / "http.yml"
    path.write_text(config, encoding="utf-8")
    source = open_server(url, Redactor(), origin="url", environ=environ, config=path)
    answer = source.ask(InstantQuery("7", AT), time.monotonic() + 10)
    return answer.series[0].value


CONFIG = f"""
bearer_token: {SECRET}
http_headers:
  X-Scope-OrgID: {{values: [one|two]}}
  X-Key: {{secrets: [kéy-9]}}
"""


def test_credentials_and_headers_arrive(two: tuple[Recorder, Recorder], tmp_path: Path) -> None:
    server, _ = two
    assert ask(server.url, tmp_path, CONFIG) == 7
    [(_, headers)] = server.seen
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["x-scope-orgid"] == "one|two"
    assert headers["x-key"].encode("latin-1").decode() == "kéy-9"


def test_a_netrc_is_not_asked(
    two: tuple[Recorder, Recorder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login a password {SECRET}")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ask(two[0].url, tmp_path, "http_headers: {X-Scope-OrgID: {values: [a]}}")
    assert "authorization" not in two[0].seen[0][1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_a_redirect_elsewhere_is_not_followed(
    two: tuple[Recorder, Recorder], tmp_path: Path, host: str
) -> None:
    server, other = two
    server.redirect = other.url.replace("127.0.0.1", host) + f"/moved?{SECRET}"
    with pytest.raises(SourceError, match=r"redirects to .*, which is another server") as refused:
        ask(server.url, tmp_path, CONFIG)
    assert not other.seen
    assert SECRET not in str(refused.value)


def test_a_redirect_on_the_same_server_keeps_the_credentials(
    two: tuple[Recorder, Recorder], tmp_path: Path
) -> None:
    server, _ = two
    server.redirect = "/moved"
    assert ask(server.url, tmp_path, CONFIG) == 7
    assert [headers["authorization"] for _, headers in server.seen] == [f"Bearer {SECRET}"] * 2


def test_the_proxy_of_the_file_is_used_and_not_that_of_the_environment(
    two: tuple[Recorder, Recorder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, other = two
    monkeypatch.setenv("HTTP_PROXY", other.url)
    monkeypatch.setenv("NO_PROXY", "")
    user = proxy.url.replace("//", "//me:hush@")
    assert ask("http://prometheus.internal:9090", tmp_path, f"proxy_url: {user}") == 7
    [(path, headers)] = proxy.seen
    assert path == "http://prometheus.internal:9090/api/v1/query"
    assert headers["proxy-authorization"] == "Basic bWU6aHVzaA=="
    assert not other.seen


@pytest.mark.parametrize(("config", "proxied"), [("", 1), ("proxy_from_environment: false", 0)])
def test_the_proxy_of_the_environment_can_be_switched_off(
    two: tuple[Recorder, Recorder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: str,
    proxied: int,
) -> None:
    server, proxy = two
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert ask(server.url, tmp_path, config) == 7
    assert (len(server.seen), len(proxy.seen)) == (1 - proxied, proxied)


def test_a_proxy_that_is_down_is_reported_without_its_password(tmp_path: Path) -> None:
    with serving() as gone:
        url = gone.url
    config = f"proxy_url: {url.replace('//', f'//me:{SECRET}@')}"
    with pytest.raises(SourceError, match=r"does not respond; check .*proxy_url") as refused:
        ask("http://prometheus.internal", tmp_path, config)
    assert SECRET not in str(refused.value)
