"""``deploygate ci``: what it prints is valid, is what the examples hold, and takes any value."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_deploygate.cli import main
from tests import pipelines
from tests.pipelines import ROOT, Workplace, schema_errors

EXAMPLES = {
    "cron": "cron/gate-daily.sh",
    "github": "github/deploy.yml",
    "gitlab": "gitlab/deploygate.gitlab-ci.yml",
    "jenkins": "jenkins/Jenkinsfile",
}
OPTIONS = {
    "default": (),
    "usual": ("--prometheus-url", "https://prom.example.com/a?b=1&c=2", "--env", "production"),
    "allowed": ("--allow-warning", "--max-age", "1h", "--install", "git+https://e.com/r@v1#egg=x"),
    "waived": ("--allow-waived", "--env", "production"),
    "watched": ("--watch", "30m", "--env", "production"),
    "a word of YAML": ("--env", "no"),
    "nasty": ("--prometheus-url", "http://h/'\"\\#: %{}", "--env", 'it\'s "$(touch x)" \\ #: {'),
}
NASTY = ["it's", '"$(touch pwned)"', "`touch pwned`", "a\\b", "''", "'''", "$HOME", "*", "x: #", ""]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["ci", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("platform", EXAMPLES)
def test_the_examples_are_what_the_command_prints_where_there_are_no_checks(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    example = ROOT / "examples" / EXAMPLES[platform]
    assert example.read_text(encoding="utf-8") == printed(capsys, platform)


@pytest.mark.parametrize("platform", EXAMPLES)
def test_where_there_are_checks_the_pipeline_runs_them_as_a_bare_gate_does(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate_checks").mkdir()
    assert "pytest -p deploygate --gate-json" in printed(capsys, platform)


def test_the_daily_script_can_be_run() -> None:
    assert (ROOT / "examples" / EXAMPLES["cron"]).stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize(
    ("platform", "schema"), [("github", "github-workflows"), ("gitlab", "gitlab-ci")]
)
def test_the_platforms_schema_takes_the_pipeline(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    platform: str,
    schema: str,
    options: tuple[str, ...],
) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text(printed(capsys, platform, *options), encoding="utf-8")
    assert schema_errors(schema, path) == ""


def test_the_schema_would_refuse_what_is_no_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text("job: {script: [x], artifacts: {reports: {junit: {file: 1}}}}")
    assert schema_errors("gitlab-ci", path) != ""


def test_githubs_schema_takes_the_action() -> None:
    assert schema_errors("github-actions", ROOT / "action.yml") == ""


def test_no_input_of_the_action_is_put_into_a_script() -> None:
    for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("platform", EXAMPLES)
def test_the_scripts_are_plain_shell(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, platform: str
) -> None:
    """What every shell parses: there are images without bash."""
    watch = () if platform == "cron" else ("--watch", "30m")
    text = printed(capsys, platform, *OPTIONS["nasty"], *watch, "--", *NASTY)
    for number, script in enumerate(scripts(platform, text)):
        path = tmp_path / f"{number}.sh"
        path.write_text(script)
        assert subprocess.run(["dash", "-n", path], capture_output=True).stderr == b""


def scripts(platform: str, text: str) -> list[str]:
    if platform == "cron":
        return [text]
    if platform == "jenkins":
        return [script for script, _ in pipelines._groovy_scripts(text)]
    document = yaml.safe_load(text)
    if platform == "github":
        return [step["run"] for step in document["jobs"]["deploy"]["steps"] if "run" in step]
    return ["\n".join(job["before_script"] + job["script"]) for job in document.values()]


@pytest.mark.parametrize("platform", EXAMPLES)
def test_every_value_reaches_the_gate_as_it_was_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, platform: str
) -> None:
    place = Workplace(tmp_path / "place")
    text = printed(capsys, platform, "--env", "it's $(touch pwned)", "--", *NASTY)
    runner: Any = getattr(pipelines, platform)
    runner(text, place)
    arguments = (place.plan / "arguments").read_text().split("\n")
    assert arguments[: len(NASTY) + 4] == [
        *("-p", "deploygate"),
        *NASTY,
        *("--gate-env", "it's $(touch pwned)"),
    ]
    assert not list(place.directory.rglob("pwned"))


@pytest.mark.parametrize("platform", ["github", "gitlab", "jenkins"])
def test_the_url_stands_in_the_environment_and_not_in_a_command(
    capsys: pytest.CaptureFixture[str], platform: str
) -> None:
    text = printed(capsys, platform, "--prometheus-url", "https://prom.example.com")
    assert all("prom.example.com" not in script for script in scripts(platform, text))
    assert text.count("https://prom.example.com") == 1


def test_options_reach_the_verification(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--env", "staging", "--max-age", "1h")
    for platform in EXAMPLES:
        text = printed(capsys, platform, *options)
        for line in text.splitlines():
            if "deploygate verify" in line:
                assert "--env staging --max-age 1h" in line


@pytest.mark.parametrize("option", ["--install", "--package"])
def test_packages_are_installed_as_they_were_given(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    packages = ["pytest-deploygate @ git+https://e.com/r", "requests>=2"]
    options = [word for package in packages for word in (option, package)]
    for platform in ("github", "gitlab", "jenkins"):
        (script, *_) = scripts(platform, printed(capsys, platform, *options))
        line = next(line for line in script.splitlines() if "pip install" in line)
        words = shlex.split(line.partition(" || ")[0])
        assert words[words.index("install") + 1 :] == packages


@pytest.mark.parametrize(
    "options",
    [
        ("--watch", "long"),
        ("--env", "a\nb"),
        ("--prometheus-url", "http://h\r"),
        ("--max-age", "soon"),
        ("--", "a\nb"),
    ],
)
def test_a_value_that_no_script_can_hold_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert main(["ci", "gitlab", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_the_daily_script_has_nothing_to_watch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ci", "cron", "--watch", "30m"]) == 2
    assert "deploys nothing" in capsys.readouterr().err
