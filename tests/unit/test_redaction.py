"""A secret is found in whatever form it was written."""

from __future__ import annotations

import html
import json
import pprint
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.secrets import Redactor, Secret

FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "repr": lambda secret: repr(secret)[1:-1],
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON, not ASCII": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "JSON, slashes escaped": lambda secret: json.dumps(secret)[1:-1].replace("/", r"\/"),
    "bytes": lambda secret: repr(secret.encode())[2:-1],
    "bytes for Latin-1": lambda secret: secret.encode().decode("latin-1"),
    "path": lambda secret: quote(secret),
    "user info": lambda secret: quote(secret, safe=""),
    "form": lambda secret: quote_plus(secret),
    "page": lambda secret: html.escape(secret),
}
AROUND = st.text("xyz\n:", max_size=10)


@pytest.mark.parametrize("form", FORMS)
@given(st.text("aB3!$%&/()=?+*#<>@\\\"' äß漢😀", min_size=4, max_size=30), AROUND, AROUND)
def test_a_secret_is_hidden(form: str, secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.add("another secret")
    redactor.add(secret)
    assert redactor.text(before + FORMS[form](secret) + after) == f"{before}***{after}"


def test_a_secret_of_several_words_is_hidden_where_it_was_broken_into_lines() -> None:
    redactor = Redactor()
    redactor.add(secret := "correct horse battery staple")
    text = pprint.pformat({"secret": secret}, width=20)
    assert "\n" in text
    assert redactor.text(text) == "{'secret': '***'}"


def test_the_longer_of_two_secrets_goes_first() -> None:
    redactor = Redactor()
    for secret in ("hush", "hush-hush", "another"):
        redactor.add(secret)
    assert redactor.text("hush hush-hush another hush-") == "*** *** *** ***-"


@pytest.mark.parametrize("secret", ["", "a", "abc"])
def test_what_is_too_short_for_a_secret_garbles_nothing(secret: str) -> None:
    redactor = Redactor()
    redactor.add(secret)
    assert redactor.text("abcabc") == "abcabc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see http://me:hush@host:9090/a, please", "see http://***@host:9090/a, please"),
        ("https://hush@host", "https://***@host"),
        ("https://me:hu@sh@host/@a", "https://***@host/@a"),
        ("a http://host/x@y b me@host", "a http://host/x@y b me@host"),
        ("<a href='http://me:hush@host'>", "<a href='http://***@host'>"),
    ],
)
def test_the_credentials_of_a_url_are_hidden_without_being_known(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_a_document_keeps_its_keys_and_everything_that_is_no_text() -> None:
    redactor = Redactor()
    redactor.add("tests")
    document = {"tests": ["my tests", 1, None, True, ("tests",)], "a": {"tests": 1.5}}
    assert redactor.document(document) == {
        "tests": ["my ***", 1, None, True, ["***"]],
        "a": {"tests": 1.5},
    }


def test_a_secret_shows_itself_only_on_demand() -> None:
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]} {secret:}"
    assert secret.reveal() == "hush"
