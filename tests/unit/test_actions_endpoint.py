"""Slack, webhooks and admin endpoints: a real server, and what it does wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.actions.base import Context
from pytest_deploygate.actions.registry import known_kinds
from pytest_deploygate.actions.runner import Runner, prepare
from pytest_deploygate.core.context import Context as Context_
from pytest_deploygate.core.report import ActionResult, ActionStatus, GateReport
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.verdict import Verdict
from tests import receiver as server
from tests.unit.test_actions_runner import NO_GO, SLOW

TOKEN = "T000/B000/XXXXXXXXXXXXXXXXXXXXXXXX"


def sent(
    url: str, table: Mapping[str, Any], *, report: GateReport = NO_GO, **environ: str
) -> ActionResult:
    environ = {"HOOK": f"{url}/services/{TOKEN}", **environ}
    context = Context(directory=Path.cwd(), environ=environ, redactor=Redactor())
    whole = {"name": "a", "on": ["NO-GO", "GO"], **table}
    steps = prepare([whole], known_kinds(), context)
    (result,) = Runner(redactor=context.redactor).carry_out(steps, report)
    assert TOKEN not in repr(result)
    assert "XXXXXXXX" not in repr(result)
    return result


SLACK = {"kind": "slack", "url_env": "HOOK"}


def test_slack_receives_the_verdict_its_reason_and_what_was_done() -> None:
    done = ActionResult(name="down", kind="command", status=ActionStatus.DONE, message="exit 0")
    report = replace(NO_GO, environment="production", partial="2 deselected", actions=(done,))
    report = replace(report, results=(SLOW._replace(message="<!channel> & <http://x|y>"),))
    with server.receiver() as slack:
        result = sent(slack.url, SLACK, report=report)
    assert (result.status, result.message) == ("done", "$HOOK answers 200: ok")
    (request,) = slack.requests
    assert request.path == f"/services/{TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.body["text"].splitlines() == [
        "🔴 *Deployment gate for production: NO-GO* (partial: 2 deselected)",
        "Creative p95 Sustained: &lt;!channel&gt; &amp; &lt;http://x|y&gt;",
        "• *Creative p95 Sustained* [critical]: &lt;!channel&gt; &amp; &lt;http://x|y&gt;",
    ]


def test_slack_receives_a_go_too() -> None:
    with server.receiver() as slack:
        sent(slack.url, SLACK, report=GateReport(verdict=Verdict.GO, results=()))
    assert slack.requests[0].body["text"].startswith("🟢 *Deployment gate: GO*\nAll checks passed")


def test_a_message_of_a_hundred_failures_stays_readable() -> None:
    with server.receiver() as slack:
        sent(slack.url, SLACK, report=replace(NO_GO, results=(SLOW,) * 100))
    assert slack.requests[0].body["text"].splitlines()[-1] == "… and 80 more"


def test_a_webhook_is_sent_the_report() -> None:
    with server.receiver() as hook:
        sent(hook.url, {"kind": "webhook", "url_env": "HOOK", "token_env": "PW"}, PW="s3cret-pw")
    (request,) = hook.requests
    assert request.headers["Authorization"] == "Bearer s3cret-pw"
    assert request.body["verdict"] == "NO-GO"
    assert request.body["sentence"] == NO_GO.sentence
    assert request.body["checks"][0]["id"] == "creative_p95_sustained"
    assert request.body["checks"][0]["message"] == SLOW.message


def test_the_address_can_stand_in_a_file(tmp_path: Path) -> None:
    with server.receiver() as slack:
        (tmp_path / "hook").write_text(f"{slack.url}/services/{TOKEN}\n")
        result = sent("", {"kind": "slack", "url_file": str(tmp_path / "hook")})
    assert result.status is ActionStatus.DONE
    assert slack.requests[0].path == f"/services/{TOKEN}"


def test_credentials_of_a_secret_address_are_sent_and_not_shown() -> None:
    with server.receiver(server.answering(401, "bad s3cret-password")) as hook:
        url = hook.url.replace("://", "://me:s3cret-password@")
        result = sent(url, SLACK)
    assert hook.requests[0].headers["Authorization"] == "Basic bWU6czNjcmV0LXBhc3N3b3Jk"
    assert result.message == "$HOOK answers 401: bad ***"


ADMIN = {"kind": "downshift", "from": "creative", "url_env": "HOOK"}


def test_a_downshift_asks_the_admin_endpoint() -> None:
    with server.receiver(server.answering(204)) as admin:
        result = sent(admin.url, ADMIN)
    assert (result.status, result.message) == (
        "done",
        "llm: creative → balanced; $HOOK answers 204",
    )
    assert admin.requests[0].body == {"service": "llm", "from": "creative", "to": "balanced"}


def test_an_address_that_is_not_a_secret_is_shown() -> None:
    with server.receiver() as admin:
        table = {"kind": "downshift", "from": "balanced", "url": f"{admin.url}/mode"}
        result = sent(admin.url, table)
    assert result.message == f"llm: balanced → fast; {admin.url}/mode answers 200: ok"


@pytest.mark.parametrize("table", [SLACK, {**SLACK, "kind": "webhook"}, ADMIN])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (server.answering(500, "down\x1b[0m"), r"$HOOK answers 500: down\x1b[0m"),
        (server.answering(403, f"no /services/{TOKEN}"), "$HOOK answers 403: no ***"),
        (
            server.answering(302, Location="http://127.0.0.1:9/"),
            "$HOOK answers 302 (redirects are not followed)",
        ),
        (server.answering(200, "x" * 100_000), None),
    ],
)
def test_an_answer_that_is_no_success_has_failed(
    table: Mapping[str, Any], answer: server.Answer, message: str | None
) -> None:
    with server.receiver(answer) as hook:
        result = sent(hook.url, table)
    assert result.status == ("failed" if message else "done")
    assert result.message.endswith(message or "characters)")
    assert len(hook.requests) == 1


@pytest.mark.parametrize("answer", [server.silent, server.DRIPPING_BODY, server.DRIPPING_HEADERS])
def test_a_server_that_does_not_come_to_an_end_is_given_up(
    answer: server.Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_deploygate.actions.runner._GRACE", 0.2)
    with server.receiver(answer) as hook:
        result = sent(hook.url, {**SLACK, "timeout": 0.3})
    assert (result.status, result.message) == ("timed-out", "given up after 0.3 s")


def test_nobody_there_has_failed_without_telling_the_address() -> None:
    with server.receiver() as gone:
        pass
    result = sent(gone.url, SLACK)
    assert (result.status, result.message) == ("failed", "$HOOK: Connection refused")


def test_a_token_that_no_header_may_hold_is_not_shown() -> None:
    with server.receiver() as hook:
        result = sent(hook.url, {**ADMIN, "token_env": "PW"}, PW="s3cret\r\nX: evil")
    assert result.message == "token_env: $PW is not a valid token"
    assert hook.requests == []


def test_netrc_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with server.receiver() as hook:
        sent(hook.url, SLACK)
    assert "Authorization" not in hook.requests[0].headers


def test_a_tls_failure_says_so() -> None:
    with server.receiver() as hook:
        result = sent(hook.url.replace("http:", "https:"), SLACK)
    assert result.status is ActionStatus.FAILED
    assert result.message == "$HOOK: the server does not speak TLS"


def test_slack_links_the_commit_and_the_pipeline() -> None:
    context = Context_(
        commit="f870da5c0ffee",
        ref="<!channel>",
        commit_url="https://git.example.com/c/f870da5c0ffee",
        pipeline="https://ci.example.com/7?a=1&b=2",
        version="1.2",
    )
    with server.receiver() as slack:
        sent(slack.url, SLACK, report=replace(NO_GO, context=context))
    (request,) = slack.requests
    assert request.body["text"].splitlines()[2] == (
        "<https://git.example.com/c/f870da5c0ffee|Commit f870da5c0ffe (&lt;!channel&gt;)>"
        " · Version: 1.2 · <https://ci.example.com/7?a=1&amp;b=2|Pipeline>"
    )
