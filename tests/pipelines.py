"""The shipped pipelines, run as their platforms run them: the shell is real, the tools stand in.

``docker`` stands for the deployment, ``pip`` for the installation, and ``pytest`` for a gate that
ends as planned; ``deploygate`` is the real command.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
SECONDS = 60
_TOOLS = {
    "docker": 'echo "$@" > "$PLAN/deployed"',
    "pip": 'exit "$(cat "$PLAN/pip")"',
    "python3": """
        shift 2
        mkdir -p "$1/bin"
        for tool in pip pytest deploygate; do
            if [ -e "$TOOLS/$tool" ]; then ln -sf "$TOOLS/$tool" "$1/bin/$tool"; fi
        done
    """,
    "pytest": """
        watch=
        for argument in "$@"; do if [ "$argument" = --gate-watch ]; then watch=watch-; fi; done
        printf '%s\\n' "$@" > "$PLAN/${watch}arguments"
        while [ $# -gt 0 ]; do
            if [ "$1" = --gate-json ] && [ -f "$PLAN/${watch}report" ]; then
                mkdir -p "$(dirname "$2")" && cp "$PLAN/${watch}report" "$2"
            fi
            shift
        done
        code=$(cat "$PLAN/${watch}code")
        if [ "$code" = 137 ]; then kill -9 $$; fi
        exit "$code"
    """,
}


@dataclass
class Workplace:
    """A checkout, the tools on its path, and what they do."""

    directory: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put the tools there; the gate ends in 0 without a report unless planned otherwise."""
        self.project = self._made("project")
        self.tools = self._made("tools")
        self.plan = self._made("plan")
        for name, script in _TOOLS.items():
            self.tool(name, script)
        (self.tools / "deploygate").symlink_to(Path(sys.executable).with_name("deploygate"))
        self.planned(code=0)
        self.environ |= {"PLAN": str(self.plan), "TOOLS": str(self.tools), "HOME": os.devnull}
        self.environ |= {"PATH": f"{self.tools}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

    def _made(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir(parents=True)
        return path

    def tool(self, name: str, script: str) -> None:
        """Let a command be this shell script."""
        path = self.tools / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def planned(self, *, code: int, report: str = "", pip: int = 0) -> None:
        """Let the gate end in ``code`` having written this report, and pip in ``pip``."""
        (self.plan / "code").write_text(str(code))
        (self.plan / "pip").write_text(str(pip))
        if report:
            (self.plan / "report").write_text(report)

    def watched(self, *, code: int, report: str = "") -> None:
        """Let the watch after the deployment end in ``code`` having written this report."""
        (self.plan / "watch-code").write_text(str(code))
        if report:
            (self.plan / "watch-report").write_text(report)

    def left_over(self, report: str) -> None:
        """Let a former run have left its report where the next one will write."""
        for name in ("gate-report/report.json", f"gate-reports/gate_check_{today()}.json"):
            path = self.project / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(report)

    def run(self, *command: str, script: str, cwd: Path, **environ: str) -> tuple[int, str]:
        """The exit code of a script and all that it printed."""
        file = self.directory / "script"
        file.write_text(script)
        done = subprocess.run(
            [*command, str(file)],
            cwd=cwd,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        return done.returncode, done.stdout

    @property
    def deployed(self) -> bool:
        """Whether the deployment was reached."""
        return (self.plan / "deployed").exists()


def today() -> str:
    """The date in a dated report."""
    return time.strftime("%Y%m%d")


@dataclass
class Outcome:
    """What became of a pipeline: whether it succeeded, what it printed, what else is known."""

    passed: bool
    log: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def github(text: str, place: Workplace) -> Outcome:
    """Run a workflow's only job."""
    (job,) = yaml.safe_load(text)["jobs"].values()
    secret = place.environ.get("PROMETHEUS_URL", "")
    return _steps(job["steps"], place, {"secrets.PROMETHEUS_URL": secret})


def action(text: str, place: Workplace, **inputs: str) -> Outcome:
    """Run a composite action, then the job's next step, the deployment."""
    document = yaml.safe_load(text)
    defaults = {f"inputs.{name}": given["default"] for name, given in document["inputs"].items()}
    given = {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
    secret = place.environ.get("PROMETHEUS_URL", "")
    context = {**defaults, **given, "github.action_path": str(ROOT), "env.PROMETHEUS_URL": secret}
    outcome = _steps(document["runs"]["steps"], place, context)
    for name, output in document["outputs"].items():
        outcome.facts[name] = _evaluated(output["value"], {**context, **outcome.facts})
    if outcome.passed:
        place.run("sh", "-e", script="docker compose up -d", cwd=place.project)
    return outcome


def _steps(steps: list[dict[str, Any]], place: Workplace, context: Mapping[str, str]) -> Outcome:
    """Every step in bash until one fails; those that run something else are left out."""
    outcome = Outcome(passed=True)
    files = {"GITHUB_OUTPUT": place.directory / "output", "RUNNER_TEMP": place.directory}
    for step in steps:
        if "run" not in step or not outcome.passed:
            continue
        files["GITHUB_OUTPUT"].write_text("")
        environ = {name: _evaluated(value, context) for name, value in step.get("env", {}).items()}
        environ |= {name: str(path) for name, path in files.items()}
        code, log = place.run(*BASH, script=step["run"], cwd=place.project, **environ)
        outcome.passed, outcome.log = code == 0, outcome.log + log
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, _, value = line.partition("=")
            outcome.facts[f"steps.{step.get('id')}.outputs.{name}"] = value
    return outcome


def _evaluated(text: str, context: Mapping[str, str]) -> str:
    """``${{ a || 'b' }}``: the first that is not empty."""

    def value(match: re.Match[str]) -> str:
        names = [name.strip() for name in match[1].split("||")]
        found = (n.strip("'") if n.startswith("'") else context.get(n, "") for n in names)
        return next(filter(None, found), "")

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def gitlab(text: str, place: Workplace, shell: str = "bash") -> Outcome:
    """Run the gate's job, and the deploy job elsewhere with nothing but its artifacts."""
    jobs = yaml.safe_load(text)
    gate, deploy = jobs["gate-check"], jobs["deploy-production"]
    code, log = _gitlab_job(gate, place, place.project, shell)
    facts = {"code": code, "verdict": _dotenv(gate, place.project)}
    if code != 0 and code not in gate["allow_failure"]["exit_codes"]:
        return Outcome(passed=False, log=log, facts=facts)
    elsewhere = place.directory / "deploy"
    for name in gate["artifacts"]["paths"]:
        if (place.project / name).exists():
            (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place.project / name, elsewhere / name)
    elsewhere.mkdir(exist_ok=True)
    deploy_code, more = _gitlab_job(deploy, place, elsewhere, shell)
    if deploy_code == 0 and "watch-production" in jobs:
        deploy_code, last = _gitlab_job(jobs["watch-production"], place, elsewhere, shell)
        more += last
    return Outcome(passed=deploy_code == 0, log=log + more, facts=facts)


def gitlab_deploy(text: str, place: Workplace, report: str) -> Outcome:
    """Run the deploy job alone, as when somebody retries it, on the artifacts that there are."""
    if report:
        place.left_over(report)
    deploy = yaml.safe_load(text)["deploy-production"]
    code, log = _gitlab_job(deploy, place, place.project, "bash")
    return Outcome(passed=code == 0, log=log)


def _gitlab_job(job: Mapping[str, Any], place: Workplace, cwd: Path, shell: str) -> tuple[int, str]:
    commands = "\n".join([*job["before_script"], *job["script"]])
    script = (
        "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\n"
        f"set +o noclobber\n: | eval {shlex.quote(commands)}\nexit 0\n"
    )
    variables = {name: str(value) for name, value in job.get("variables", {}).items()}
    return place.run(shell, script=script, cwd=cwd, **variables)


def _dotenv(job: Mapping[str, Any], project: Path) -> str:
    path = project / job["artifacts"]["reports"]["dotenv"]
    return path.read_text().removeprefix("DEPLOYGATE_VERDICT=").strip() if path.exists() else ""


def jenkins(text: str, place: Workplace, *, human: bool = True) -> Outcome:
    """Run the stages; a human who is asked answers as given."""
    outcome = Outcome(passed=True, facts={"asked": False})
    for stage in re.split(r"\bstage\('", text)[1:]:
        for script, asks in _groovy_scripts(stage):
            code, log = place.run("sh", "-xe", script=script, cwd=place.project)
            outcome.log += log
            if code and asks:
                outcome.facts["asked"], outcome.passed = True, human
            elif code:
                outcome.passed = False
            if not outcome.passed:
                return outcome
    return outcome


def _groovy_scripts(stage: str) -> Iterator[tuple[str, bool]]:
    """The scripts of a stage; true where a failure asks a human instead of ending the build."""
    asking = r"if \(sh\(script: '(.*?)', returnStatus: true\) != 0\) \{.*?\binput message"
    for match in re.finditer(rf"sh '''(.*?)'''|{asking}", stage, re.S):
        script = match[1] if match[1] is not None else match[2]
        escaped = re.sub(r"\\\n", "", script)
        yield re.sub(r"\\(.)", r"\1", escaped), match[1] is None


def cron(text: str, place: Workplace) -> Outcome:
    """Run the daily script from another directory, as cron does."""
    script = place.project / "gate-daily.sh"
    script.write_text(text)
    commands = f"sh {shlex.quote(str(script))}"
    code, log = place.run("sh", script=commands, cwd=place.directory)
    return Outcome(passed=code == 0, log=log)


def schema_errors(schema: str, path: Path) -> str:
    """What the schema of a platform, as check-jsonschema ships it, has against a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=SECONDS)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def dumped(document: dict[str, Any], **changes: Any) -> str:
    """A report as a file."""
    return json.dumps({**document, **changes})
