"""A password or a token is sent to the server that it is for, and turns up nowhere else."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.conftest import END, Gate
from tests.faults import Exchange, Fault, each_series, faulty
from tests.real.fault_cases import ONE_CHECK_FOR_EACH, QUICK
from tests.servers import Server

USER = "gate"
CORE = "Zq7Hush9"  # what is left of a secret however it is written, and wherever it is cut
PASSWORD = CORE + 'ä:/&<"9">%41 and something to cut off'
TOKEN = CORE + ".J9+/hush~1==-and-something-to-cut-off"
EVERYTHING = ("json", "junit", "html", "metrics", "record")

LEAKING_CHECKS = """
    import os
    import pytest
    from pytest_deploygate import Criterion, Sustained, gate_criteria

    NAMES = {names!r}
    EXPRESSION = 'label_replace(vector(1), "mode", "fast", "", "")  # '

    @gate_criteria([Criterion(id=name, query=EXPRESSION + name, below=1) for name in NAMES])
    def test_instant(criterion, gate):
        gate.check(criterion)

    @pytest.mark.parametrize("name", NAMES)
    def test_query(name, gate):
        series = gate.query(EXPRESSION + name)
        assert not series

    SECRET = os.environ["HUSH"]

    def test_with_a_secret_in_sight():
        secret, padded = SECRET, "x" * 480 + SECRET
        print("printed", secret)
        raise RuntimeError(padded)

    def test_with_a_secret_compared():
        assert SECRET == "", SECRET

    def test_with_a_secret_that_is_skipped():
        pytest.skip(SECRET)

    @pytest.mark.xfail(reason=SECRET)
    def test_with_a_secret_that_is_expected():
        assert False

    @pytest.fixture
    def broken():
        raise ValueError(SECRET)

    def test_with_a_secret_in_a_fixture(broken):
        pass
"""

Body = Callable[[str], str]


def secret_of(exchange: Exchange) -> str:
    """What a server that keeps no secret knows."""
    assert exchange.request is not None
    kind, _, value = exchange.request.headers["Authorization"].partition(" ")
    return base64.b64decode(value).decode() if kind == "Basic" else value


def answering_with(code: int, body: Body, **headers: str) -> Fault:
    """Answer with this status, the secret in the body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(lambda e: e.send(code, body(secret_of(e)).encode(), named))


def after(count: int, code: int, body: Body) -> Fault:
    """Answer with the secret where a message may be cut."""
    return answering_with(code, lambda secret: body("x" * count + secret))


def error(text: str) -> str:
    return json.dumps({"status": "error", "errorType": text, "error": f"no: {text}"})


def echoed(exchange: Exchange) -> None:
    """Answer with the request's headers."""
    assert exchange.request is not None
    exchange.send(500, repr(exchange.request.headers).encode())


def labelled(exchange: Exchange) -> None:
    """Answer with the secret in names and values of labels, and in warnings."""
    secret = secret_of(exchange)
    result = [{"metric": {"mode": f"a {secret}", secret: "x"}, "value": [END, "1"]}]
    data = {"resultType": "vector", "result": result}
    answer = {"status": "success", "data": data, "warnings": [f"store {secret}"]}
    exchange.send(200, json.dumps(answer).encode())


def valued(exchange: Exchange) -> None:
    """Answer with the secret as a value."""
    result = [{"metric": {}, "value": [END, secret_of(exchange)]}]
    data = {"resultType": "vector", "result": result}
    exchange.send(200, json.dumps({"status": "success", "data": data}).encode())


def redirected(exchange: Exchange) -> None:
    """Redirect to where the secret stands in the URL."""
    secret = quote(secret_of(exchange), safe="")
    exchange.send(302, headers={"Location": f"https://{secret}@login.example.com/{secret}"})


LEAKS = {
    "headers": Fault(echoed),
    "error": answering_with(400, error),
    "error in a success": answering_with(200, error),
    "unauthorized": answering_with(401, lambda secret: f"who is {secret}?"),
    "page": answering_with(403, lambda secret: f"<html>{html.escape(secret)}</html>"),
    "login page": answering_with(200, lambda secret: f"<html>{secret}</html>"),
    "other JSON": answering_with(404, lambda secret: json.dumps({"message": secret})),
    "other JSON, escaped": answering_with(200, lambda s: json.dumps([s]).replace("/", "\\/")),
    "URL": answering_with(
        502, lambda secret: f"upstream http://u:{quote(secret)}@prometheus failed"
    ),
    "form": answering_with(502, lambda secret: f"p={quote_plus(secret)}&q={quote(secret)}"),
    "repr": answering_with(503, lambda secret: repr([secret])),
    "later in the page": answering_with(500, lambda secret: "<" + "x" * 4070 + ">" + secret),
    "labels": Fault(labelled),
    "value": Fault(valued),
    "type": answering_with(
        200, lambda s: error("").replace("error", "success", 1).replace("no", s)
    ),
    "redirect": Fault(redirected),
    "no HTTP": Fault(lambda e: e.raw(secret_of(e).encode() + b"\r\n\r\n")),
    "no chunk": Fault(
        lambda e: e.raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + secret_of(e).encode()
            + b"\r\n"
        )
    ),
    "no length": Fault(
        lambda e: e.raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1, " + secret_of(e).encode() + b"\r\n\r\n{}"
        )
    ),
    **{f"{n} before text": after(n, 500, str) for n in range(60, 120, 10)},
    **{f"{n} before error": after(n, 400, error) for n in range(90, 150, 10)},
    **{f"{n} before success": after(n, 200, error) for n in range(90, 150, 10)},
    **{f"{n} before no JSON": after(n, 200, str) for n in range(60, 120, 10)},
    "harmless": each_series(lambda series: None),
}


def files_below(directory: Path) -> dict[Path, str]:
    return {
        path: path.read_bytes().decode("utf-8", "replace")
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", ["password", "token"])
def test_no_secret_is_written_anywhere(
    kind: str,
    healthy: Server,
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = PASSWORD if kind == "password" else TOKEN
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    monkeypatch.setenv("HUSH", secret)
    if kind == "token":
        monkeypatch.setenv("PROMETHEUS_TOKEN", TOKEN)
    quick = list(QUICK)[:: 8 if workers else 1]  # which goes through everything plain
    cases = {name: QUICK[name].fault for name in quick} | LEAKS
    pytester.makepyfile(
        test_faults=ONE_CHECK_FOR_EACH.format(names=quick),
        test_leaks=LEAKING_CHECKS.format(names=list(LEAKS)),
        test_not_collected="import os\nsecret = os.environ['HUSH']\nassert not secret, secret",
    )
    with faulty(healthy.url, cases) as proxy:
        login = f"{USER}:{quote(PASSWORD, safe='')}@" if kind == "password" else ""
        result = run_gate(
            *("-vv", "--showlocals", "-rA", "--log-cli-level=DEBUG"),
            *(f"--gate-{name}=gate.{name}" for name in EVERYTHING),
            *("--junitxml=pytest.xml", "--continue-on-collection-errors", *workers),
            *(f"--gate-at={END}", f"--prometheus-url={proxy.url.replace('//', f'//{login}')}"),
            *("--gate-query-timeout=60s", "--gate-timeout=60s", "--gate-concurrency=40"),
        )
    written = files_below(pytester.path) | {
        Path("stdout"): result.stdout.str(),
        Path("stderr"): result.stderr.str(),
    }
    assert {f"gate.{name}" for name in EVERYTHING} < {path.name for path in written}
    assert len(json.loads(written[pytester.path / "gate.json"])["checks"]) > 2 * len(cases)
    assert result.ret == 2
    assert "***" in result.stdout.str()
    found = {
        f"{path.name}: {text[max(0, text.find(form) - 60) :][:160]}"
        for path, text in written.items()
        for form in (CORE, pair[:12])
        if form in text
    }
    assert not found


@pytest.mark.parametrize(
    "url",
    [
        "ftp://gate:{}@prometheus:9090",
        "gate:{}@prometheus:9090",
        "http://gate:{}@prometheus:port",
        "http://gate:/{}@prometheus",
        "http://gate:1#{}@prometheus",
        "http://gate:1/{}@prometheus",
        "http://gate:@/{}@prometheus",
    ],
)
def test_a_url_that_cannot_be_used_is_shown_without_its_password(
    url: str, run_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", url.format("hush-hush"))
    result = run_gate("--pyargs", "gate_checks")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*$PROMETHEUS_URL '*@prometheus*': is not a valid URL; write it with*"]
    )
    assert "hush" not in result.stdout.str() + result.stderr.str()


def test_the_evidence_of_a_run_with_a_word_for_a_password_can_be_judged_again(
    healthy: Server, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    url = healthy.url.replace("//", "//gate:rate@")
    gate = ("--pyargs", "gate_checks")
    recorded = run_gate(
        *gate, f"--prometheus-url={url}", f"--gate-at={END}", "--gate-record=evidence.json"
    )
    assert recorded.ret == 0
    assert run_gate(*gate, "--gate-replay=evidence.json").ret == 0
