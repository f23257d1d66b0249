"""Credentials, TLS and proxies as ``--prometheus-config`` gives them, against real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.series import InstantQuery
from pytest_deploygate.sources.prometheus import open_server
from tests import servers

USER = "gate"
PASSWORD = "pass-Zürich:77"
BCRYPT = "$2b$04$fSOKq/A0U3ggu1NM352yEuHK2Aty9xpMFBhOAQJ/8nOt.TTmcoixm"  # of the password
NAME = "prometheus.internal"


@dataclass(frozen=True)
class Tls:
    """Two servers, and what it takes to be let in."""

    directory: Path
    passworded: str
    certified: str

    def config(self, text: str) -> Path:
        path = self.directory / "http.yml"
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    """A server that wants a password, and one under another name that wants a certificate."""
    directory = tmp_path_factory.mktemp("tls")
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    stranger.cert_pem.write_to_path(directory / "stranger.pem")
    for who, issuer, name in [
        ("server", authority, "127.0.0.1"),
        ("named", authority, NAME),
        ("client", authority, "gate.client"),
        ("intruder", stranger, "gate.client"),
    ]:
        issued = issuer.issue_cert(name)
        issued.private_key_and_cert_chain_pem.write_to_path(directory / f"{who}.pem")
    (directory / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    passworded = web_config(directory, "server", f"basic_auth_users: {{{USER}: {BCRYPT!r}}}")
    clients = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"
    certified = web_config(directory, "named", "", clients)
    for name in ("one", "two"):
        (directory / name).mkdir()
    with (
        servers.prometheus("# EOF\n", directory / "one", web_config=passworded) as first,
        servers.prometheus("# EOF\n", directory / "two", web_config=certified) as second,
    ):
        yield Tls(directory, first.url, second.url)


def web_config(directory: Path, who: str, users: str, more: str = "") -> Path:
    path = directory / f"{who}.web.yml"
    files = f"cert_file: {who}.pem, key_file: {who}.pem, {more}"
    path.write_text(f"tls_server_config: {{{files}}}\n{users}\n", encoding="utf-8")
    return path


def asked(url: str, config: Path | None = None, **environ: str) -> list[str]:
    """Ask a real server; return the source's notices."""
    source = open_server(url, Redactor(), origin="--prometheus-url", environ=environ, config=config)
    now = time.time()
    answer = source.ask(InstantQuery("vector(7)", now), time.monotonic() + 10)
    assert [series.value for series in answer.series] == [7]
    return source.notices()


CREDENTIALS = {
    "a password": f"basic_auth: {{username: {USER}, password: '{PASSWORD}'}}",
    "a password in a file": f"basic_auth: {{username: {USER}, password_file: password}}",
}
CA = "tls_config: {ca_file: ca.pem}\n"


@pytest.mark.parametrize("given", CREDENTIALS.values(), ids=CREDENTIALS)
def test_the_right_password_is_let_in(tls: Tls, given: str) -> None:
    assert asked(tls.passworded, tls.config(CA + given)) == []


def test_credentials_in_the_url_go_with_tls_from_the_file(tls: Tls) -> None:
    url = tls.passworded.replace("://", f"://{USER}:pass-Z%C3%BCrich%3A77@")
    assert asked(url, tls.config(CA)) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "it requires credentials"),
        (f"basic_auth: {{username: {USER}, password: wrong}}", "it refuses the credentials"),
        ("bearer_token: wrong", "it refuses the credentials"),
    ],
    ids=["none", "a wrong password", "a token"],
)
def test_other_credentials_are_refused(tls: Tls, given: str, message: str) -> None:
    with pytest.raises(SourceError, match=f"answers 401: {message}") as refused:
        asked(tls.passworded, tls.config(CA + given))
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    ["", "tls_config: {ca_file: stranger.pem}\n"],
    ids=["no CA", "another CA"],
)
def test_a_server_that_cannot_prove_who_it_is_gets_no_credentials(tls: Tls, given: str) -> None:
    with pytest.raises(SourceError, match=r"TLS failed: .*certificate verify failed"):
        asked(tls.passworded, tls.config(given + CREDENTIALS["a password"]))


def test_an_unverified_server_is_reported(tls: Tls, recwarn: pytest.WarningsRecorder) -> None:
    insecure = "tls_config: {insecure_skip_verify: true}\n"
    notices = asked(tls.passworded, tls.config(insecure + CREDENTIALS["a password"]))
    assert notices == [f"insecure_skip_verify: the identity of {tls.passworded} is not verified"]
    assert not recwarn.list


def test_the_file_counts_and_not_the_environment(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.directory / "stranger.pem"))
    assert asked(tls.passworded, tls.config(CA + CREDENTIALS["a password"])) == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.directory / "ca.pem"))
    stranger = CA.replace("ca.pem", "stranger.pem")
    with pytest.raises(SourceError, match="TLS failed"):
        asked(tls.passworded, tls.config(stranger + CREDENTIALS["a password"]))


def certified(who: str, name: str = NAME) -> str:
    files = f"cert_file: {who}.pem, key_file: {who}.pem" if who else ""
    return f"tls_config: {{ca_file: ca.pem, server_name: {name}, {files}}}\n"


def test_a_certificate_and_the_servers_name_are_let_in(tls: Tls) -> None:
    assert asked(tls.certified, tls.config(certified("client"))) == []


@pytest.mark.parametrize("minimum", ["TLS12", "TLS13"])
def test_a_server_that_speaks_the_least_version_is_asked(tls: Tls, minimum: str) -> None:
    given = certified("client").replace("{", f"{{min_version: {minimum}, ")
    assert asked(tls.certified, tls.config(given)) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (certified("client", "127.0.0.1"), "match"),
        (certified("client", "other.internal"), "match"),
        (certified(""), "EOF|certificate"),
        (certified("intruder"), "EOF|certificate"),
    ],
    ids=["the address as name", "another name", "no certificate", "a stranger's certificate"],
)
def test_another_name_or_certificate_is_refused(tls: Tls, given: str, message: str) -> None:
    with pytest.raises(SourceError, match=f"TLS failed: .*({message}).*; check the CA"):
        asked(tls.certified, tls.config(given))
