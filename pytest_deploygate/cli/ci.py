"""``deploygate ci PLATFORM``: print a pipeline that deploys only after a fresh verdict.

The templates only order the commands; ``deploygate verify`` decides.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path

from pytest_deploygate.cli.templates import rendered
from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.errors import ConfigurationError

HELP = "print a pipeline that deploys only after a fresh GO"
PLATFORMS = {
    "cron": "gate-daily.sh",
    "github": "deploy.yml",
    "gitlab": "deploygate.gitlab-ci.yml",
    "jenkins": "Jenkinsfile",
}
_PLAIN_YAML = re.compile(
    r"(?!(?i:yes|no|on|off|true|false|null|y|n)$)[A-Za-z][\w./|-]*( [\w./|-]+)*"
    r"|\$\{\{ [\w.]+ \}\}"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate ci``."""
    parser.add_argument("platform", choices=sorted(PLATFORMS))
    parser.add_argument(
        "--prometheus-url", metavar="URL", default="", help="URL of the Prometheus server"
    )
    parser.add_argument(
        "--env", metavar="NAME", default="", help="environment of the gate (--gate-env)"
    )
    parser.add_argument("--allow-warning", action="store_true", help="also deploy on WARNING")
    parser.add_argument(
        "--allow-waived",
        action="store_true",
        help="also deploy on a WARNING whose only cause is waivers",
    )
    parser.add_argument("--max-age", metavar="TIME", default="", help="maximum age of a report")
    parser.add_argument(
        "--watch",
        metavar="TIME",
        default="",
        help="after the deployment, watch for this time and carry the actions out on NO-GO",
    )
    parser.add_argument(
        "--install",
        "--package",
        metavar="REQUIREMENT",
        action="append",
        help="package that pip installs; repeatable (default: pytest-deploygate)",
    )
    parser.allow_abbrev = False
    parser.set_defaults(pytest_arguments=())
    parser.epilog = (
        "All other arguments are passed to pytest and select the checks "
        "(default: those that a bare pytest -p deploygate finds here, else --pyargs gate_checks)."
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the pipeline."""
    sys.stdout.write(pipeline(arguments))
    return 0


def pipeline(given: argparse.Namespace) -> str:
    """The text of the pipeline for the options of ``deploygate ci``.

    Raises:
        ConfigurationError: a value cannot be used in a script.
    """
    filters = {"yaml": _yaml, "groovy": _groovy, "shell": shlex.quote}
    return rendered("pipelines", PLATFORMS[given.platform], _values(given), filters)


def _values(given: argparse.Namespace) -> dict[str, object]:
    packages = given.install or ["pytest-deploygate"]
    checks = [word for word in given.pytest_arguments if word != "--"]
    checks = checks or _default_checks()
    for text in (given.prometheus_url, given.env, *packages, *checks):
        if not text.isprintable():
            raise ConfigurationError(f"{text!r}: must be one line of printable characters")
    for duration in filter(None, (given.max_age, given.watch)):
        seconds(duration)
    if given.watch and given.platform == "cron":
        raise ConfigurationError("--watch: the daily script deploys nothing; leave --watch out")
    judged_by = ["--gate-env", given.env] if given.env else []
    expected = [*(["--env", given.env] if given.env else [])]
    expected += ["--max-age", given.max_age] if given.max_age else []
    allowed = " --allow-waived" if given.allow_waived else ""
    return {
        "url": given.prometheus_url,
        "environment": given.env or "production",
        "packages": shlex.join(packages),
        "checks": "".join(f" {shlex.quote(word)}" for word in (*checks, *judged_by)),
        "verify": "".join(f" {shlex.quote(word)}" for word in expected),
        "watch": given.watch,
        "allow_warning": given.allow_warning,
        "allowed": " --allow-warning" if given.allow_warning else allowed,
    }


def _default_checks() -> list[str]:
    """No arguments where a gate without arguments finds checks; else those that ship."""
    if Path("gate_checks").is_dir():  # without importing them: they may need more than is here
        return []
    from pytest_deploygate.plugin.collecting import default_arguments

    return list(default_arguments())


def _yaml(text: str) -> str:
    """A plain scalar if that is safe, otherwise a quoted one."""
    return text if _PLAIN_YAML.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _groovy(text: str) -> str:
    """The content of a single-quoted Groovy string."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
