"""``--prometheus-config`` is refused as a whole, in one line, and without what is secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.http.access import Access
from pytest_deploygate.http.server_access import access_to

SECRET = "hush-hush-9"
PROXY = f"http://{SECRET}:{SECRET}@127.0.0.1:3128"


def access(directory: Path, text: str, url: str = "http://127.0.0.1:9", **environ: str) -> Access:
    path = directory / "http.yml"
    path.write_text(text, encoding="utf-8")
    return access_to(url, Redactor(), origin="--prometheus-url", environ=environ, config=path)


def sent(given: Access) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in given.headers.items()}


REFUSED = {
    "password": ("basic_auth: {username: a, pasword: x}", "did you mean 'password'"),
    "an unknown section": ("basic_aut: {username: a}", "did you mean 'basic_auth'"),
    "no user": ("basic_auth: {password: x}", "basic_auth needs basic_auth.username or"),
    "nothing": ("authorization: {type: Bearer}", "authorization needs authorization.credentials"),
    "a number for a mapping": ("basic_auth: 7", "basic_auth: must be a mapping"),
    "a list": ("- a", "the file: must be a mapping"),
    "a nested secret": (f"basic_auth: {{password: [{SECRET}]}}", "basic_auth.password: must be"),
    "an empty secret": ("bearer_token: ''", "bearer_token: is empty"),
    "two passwords": (
        f"basic_auth: {{username: a, password: {SECRET}, password_file: b}}",
        "basic_auth.password and basic_auth.password_file exclude each other",
    ),
    "two ways": (
        f"basic_auth: {{username: a, password: b}}\nbearer_token: {SECRET}",
        "basic_auth and bearer_token exclude each other",
    ),
    "the same key twice": (
        f"basic_auth: {{username: a, password: {SECRET}, password: b}}",
        "'password' is given twice",
    ),
    "oauth2": ("oauth2: {client_id: a}", "oauth2 is not supported: get a token before"),
    "an inline key": ("tls_config: {key: a}", "tls_config.key is not supported: give a file as"),
    "half a certificate": ("tls_config: {cert_file: a}", "cert_file needs tls_config.key_file"),
    "a version": ("tls_config: {min_version: TLS9}", "min_version: is not allowed, write TLS10"),
    "no redirects": ("follow_redirects: false", "follow_redirects: is not allowed, write true"),
    "basic as a type": (
        f"authorization: {{type: Basic, credentials: {SECRET}}}",
        "for basic authentication write basic_auth",
    ),
    "a missing file": ("bearer_token_file: no/token", "no/token: No such file or directory"),
    "an empty file": ("bearer_token_file: empty", "empty: is empty"),
    "a missing CA": ("tls_config: {ca_file: no.pem}", "no.pem: No such file or directory"),
    "a CA that is none": ("tls_config: {ca_file: empty}", "empty: contains no PEM certificate"),
    "a key that is none": (
        "tls_config: {cert_file: good.pem, key_file: empty}",
        "are not a PEM certificate and its key",
    ),
    "a proxy of another kind": (
        f"proxy_url: socks5://{SECRET}:{SECRET}@host",
        "proxy_url '***@host': is not a valid URL",
    ),
    "no_proxy alone": ("no_proxy: a", "no_proxy needs proxy_url"),
    "two proxies": (
        f"proxy_url: {PROXY}\nproxy_from_environment: true",
        "proxy_url and proxy_from_environment exclude each other",
    ),
    "a reserved header": (
        f"http_headers: {{authorization: {{secrets: [{SECRET}]}}}}",
        "http_headers.authorization: the client itself sets this header",
    ),
    "a header's name": ("http_headers: {'a b': {values: [c]}}", "is not a valid name of a header"),
    "a header without values": ("http_headers: {a: {}}", "give values, secrets or files"),
    "a header as text": ("http_headers: {a: b}", "http_headers.a: must be a mapping"),
    "a line break": (f'bearer_token: "{SECRET}\\nX: y"', "contains a line break"),
    "no YAML": (f"password: *{SECRET}", "line 1: is not valid YAML"),
    "a loop": ("a: &a [*a]", "is not valid YAML"),
    "a byte": ("\x00", "is not valid YAML"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, expected = REFUSED[name]
    (tmp_path / "empty").touch()
    trustme.CA().issue_cert("a").private_key_and_cert_chain_pem.write_to_path(tmp_path / "good.pem")
    with pytest.raises(ConfigurationError) as refused:
        access(tmp_path, text)
    message = str(refused.value)
    assert message.startswith(f"--prometheus-config {tmp_path}/http.yml: ")
    assert expected in message
    assert "\n" not in message
    assert SECRET not in message


def test_all_complaints_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown key 'b'.*; tls_config.ca_file: is empt"):
        access(tmp_path, "b: 1\ntls_config: {ca_file: ''}")


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "http.yml"
    for content, expected in [(None, "No such file"), (b"\xff\xfe", "is not UTF-8 text")]:
        if content:
            path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=expected):
            access_to("http://a", Redactor(), origin="", environ={}, config=path)


ALLOWED = {
    "": {},
    "# nothing": {},
    "enable_http2: false\nfollow_redirects: true\nproxy_from_environment: yes": {},
    "bearer_token: 0123": {"Authorization": "Bearer 0123"},
    "bearer_token_file: token": {"Authorization": "Bearer from-a-file"},
    "authorization: {credentials: abc}": {"Authorization": "Bearer abc"},
    "authorization: {type: GenieKey, credentials_file: token}": {
        "Authorization": "GenieKey from-a-file"
    },
    "basic_auth: {username_file: token, password: 'a:b'}": {
        "Authorization": "Basic ZnJvbS1hLWZpbGU6YTpi"
    },
    "http_headers: {X-Scope-OrgID: {values: [a, b], secrets: [c], files: [token]}}": {
        "X-Scope-OrgID": "a, b, c, from-a-file"
    },
}


@pytest.mark.parametrize("text", ALLOWED)
def test_credentials_and_headers_are_sent(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    assert sent(access(tmp_path, text)) == ALLOWED[text]


def test_files_are_found_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "token").write_text("right")
    (tmp_path / "token").write_text("wrong")
    monkeypatch.chdir(tmp_path)
    given = access(Path("conf"), "bearer_token_file: token")
    assert sent(given) == {"Authorization": "Bearer right"}


@pytest.mark.parametrize(
    ("url", "environ", "text", "expected"),
    [
        (
            "http://u:p@127.0.0.1:9",
            {"PROMETHEUS_TOKEN": SECRET},
            "",
            "--prometheus-url and PROMETHEUS_TOKEN give different credentials",
        ),
        (
            "http://127.0.0.1:9",
            {"PROMETHEUS_TOKEN": SECRET},
            "basic_auth: {username: u, password: p}",
            "PROMETHEUS_TOKEN and --prometheus-config",
        ),
        (
            "http://u:p@127.0.0.1:9",
            {},
            f"basic_auth: {{username: u, password: {SECRET}}}",
            "--prometheus-url and --prometheus-config",
        ),
    ],
)
def test_credentials_that_contradict_are_refused(
    tmp_path: Path, url: str, environ: dict[str, str], text: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected) as refused:
        access(tmp_path, text, url, **environ)
    assert SECRET not in str(refused.value)


def test_the_same_credentials_twice_do_not_contradict(tmp_path: Path) -> None:
    given = access(tmp_path, "bearer_token: abc", PROMETHEUS_TOKEN="abc")
    assert sent(given) == {"Authorization": "Bearer abc"}


def test_a_token_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="PROMETHEUS_TOKEN: contains a line break"
    ) as refused:
        access(tmp_path, "", PROMETHEUS_TOKEN=f"{SECRET}\nX: y")
    assert SECRET not in str(refused.value)


def test_nothing_secret_is_in_a_repr(tmp_path: Path) -> None:
    headers = f"http_headers: {{a: {{secrets: [{SECRET}]}}}}"
    given = access(tmp_path, f"bearer_token: {SECRET}\n{headers}\nproxy_url: {PROXY}")
    assert SECRET not in repr(given)
    assert given.redactor.text(f"x {SECRET} {SECRET}") == "x *** ***"


@pytest.mark.parametrize(
    ("more", "proxied"),
    [("", True), ("no_proxy: other, 10.0.0.0/8", True), ("no_proxy: 127.0.0.0/8", False)],
)
def test_no_proxy_names_who_is_asked_directly(tmp_path: Path, more: str, proxied: bool) -> None:
    given = access(tmp_path, f"proxy_url: {PROXY}\n{more}")
    assert given.proxy is not None
    assert given.proxy.reveal() == (PROXY if proxied else "")
