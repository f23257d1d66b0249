"""What CI knows of a run, and where it is shown with links."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from pytest_deploygate.core.context import Context, context_of, web_link
from pytest_deploygate.core.document import gate_keys
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.reports.github import summary
from pytest_deploygate.reports.html import render
from pytest_deploygate.reports.used import deployed, used
from tests.made import report, result

SHA = "f870da5c0ffee00000000000000000000000beef"
GITHUB = {
    "GITHUB_SHA": SHA,
    "GITHUB_REF_NAME": "main",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_REPOSITORY": "shop/api",
    "GITHUB_RUN_ID": "42",
}
GITLAB = {
    "CI_COMMIT_SHA": SHA,
    "CI_COMMIT_REF_NAME": "release/1",
    "CI_PIPELINE_URL": "https://gitlab.example.com/shop/api/-/pipelines/7",
    "CI_PROJECT_URL": "https://gitlab.example.com/shop/api",
}
JENKINS = {
    "GIT_COMMIT": SHA,
    "GIT_BRANCH": "origin/main",
    "BUILD_URL": "https://jenkins.example.com/job/api/9/",
}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            GITHUB,
            {
                "ref": "main",
                "commit_url": f"https://github.example.com/shop/api/commit/{SHA}",
                "pipeline": "https://github.example.com/shop/api/actions/runs/42",
            },
        ),
        ({**GITHUB, "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "fix"}, {"ref": "fix"}),
        (
            GITLAB,
            {
                "ref": "release/1",
                "commit_url": f"https://gitlab.example.com/shop/api/-/commit/{SHA}",
                "pipeline": "https://gitlab.example.com/shop/api/-/pipelines/7",
            },
        ),
        (
            JENKINS,
            {"ref": "origin/main", "pipeline": "https://jenkins.example.com/job/api/9/"},
        ),
        ({**JENKINS, "BRANCH_NAME": "main"}, {"ref": "main", "commit_url": ""}),
    ],
)
def test_every_ci_system_says_what_it_knows(
    environ: dict[str, str], expected: dict[str, str]
) -> None:
    found = asdict(context_of(environ, version="1.2"))
    assert {name: found[name] for name in expected} == expected
    assert (found["commit"], found["version"]) == (SHA, "1.2")


def test_without_ci_nothing_is_known_but_the_version() -> None:
    assert context_of({}) == Context()
    assert context_of({"GITHUB_REF_NAME": "main"}, version="2") == Context(version="2")


def test_a_secret_in_a_variable_is_hidden_and_is_no_link() -> None:
    environ = {**GITLAB, "CI_PIPELINE_URL": "https://ci:hunter2@gitlab.example.com/7"}
    found = context_of(environ, clean=Redactor().text)
    assert found.pipeline == "https://***@gitlab.example.com/7"
    assert [link for name, _, link in found.facts() if name == "Pipeline"] == [""]


@pytest.mark.parametrize(
    "text",
    [
        *("javascript:alert(1)", "https://", "ftp://x/y", "https://a b/", "https://x/)[y](z"),
        *("https://x/<b>", "https://[::1", "https://x/\N{RIGHT-TO-LEFT OVERRIDE}y", ""),
    ],
)
def test_what_is_no_plain_web_address_is_no_link(text: str) -> None:
    assert web_link(text) == ""


def test_the_json_report_has_null_for_what_is_not_known() -> None:
    keys = gate_keys(report(result(), context=Context(commit=SHA)))
    assert keys["context"] == {"commit": SHA, "ref": None, "pipeline": None, "version": None}
    assert keys["configuration"] is None
    assert gate_keys(report(configuration="/a/deploygate.toml"))["configuration"] == (
        "/a/deploygate.toml"
    )


MADE: dict[str, Any] = {
    "configuration": "/shop/deploygate.toml",
    "environment": "prod",
    "selection": 'namespace="prod"',
    "variables": {"version": "1.2", "a": "b"},
    "context": context_of(GITHUB, version="1.2"),
}


def test_one_list_says_what_was_used() -> None:
    made = report(result(), **MADE)
    assert [f"{one.name}: {one.text}" for one in (*used(made), *deployed(made))] == [
        "Source: https://prometheus.example.com/base/",
        "Configuration: /shop/deploygate.toml",
        "Environment: prod",
        'Selection: namespace="prod"',
        "Variables: a=b, version=1.2",
        "Commit: f870da5c0ffe (main)",
        "Version: 1.2",
        "Pipeline: https://github.example.com/shop/api/actions/runs/42",
    ]


def test_page_and_summary_link_the_commit_and_the_pipeline() -> None:
    made = report(result(), **MADE)
    page, markdown = render(made), summary(made)
    for link in (made.context.commit_url, made.context.pipeline):
        assert f'href="{link}"' in page
        assert f"]({link})" in markdown


def test_a_pipeline_that_is_no_address_is_text() -> None:
    made = report(result(), context=Context(commit=SHA, pipeline="javascript:alert(1)"))
    assert 'href="javascript' not in render(made)
    assert "](javascript" not in summary(made)
