"""Every option of the gate, once: for the command line, ``deploygate.toml`` and the help."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

NAME = "deploygate"
"""What ``-p`` names, and the console script."""

OptionType = Literal["text", "path", "flag", "list", "duration", "count"]


class Option(NamedTuple):
    """One option: ``--NAME`` on the command line, ``NAME`` as a key of the file."""

    name: str
    help: str
    type: OptionType = "text"
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: Any = None
    in_file: bool = True

    @property
    def dest(self) -> str:
        """The attribute of the parsed command line, and of the settings."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option(
        "prometheus-url",
        "the Prometheus-compatible server to ask; else $PROMETHEUS_URL, else the "
        "configuration, else http://localhost:9090",
        metavar="URL",
        default="http://localhost:9090",
    ),
    Option(
        "prometheus-config",
        "credentials, TLS, proxy and headers for the server, in the format of promtool's "
        "--http.config.file",
        "path",
        "FILE",
    ),
    Option("gate-json", "write the JSON report", "path", "FILE"),
    Option("gate-junit", "write the JUnit XML report", "path", "FILE"),
    Option("gate-html", "write the report as one HTML page, with charts", "path", "FILE"),
    Option("gate-metrics", "write the gate's own metrics as Prometheus text", "path", "FILE"),
    Option(
        "gate-pushgateway",
        "push the gate's own metrics there; the URL may hold user:password",
        metavar="URL",
    ),
    Option("gate-set", "set a threshold for this run; repeatable", "list", "KEY=VALUE"),
    Option(
        "gate-config",
        "the configuration; else deploygate.toml in the root directory, else "
        "[tool.deploygate] of its pyproject.toml",
        "path",
        "FILE",
        in_file=False,
    ),
    Option("gate-env", "the environment, an [env.NAME] of the configuration", metavar="NAME"),
    Option(
        "gate-at",
        "evaluate at this time instead of now: RFC 3339 or Unix seconds",
        metavar="TIME",
    ),
    Option("gate-record", "write everything that the source answered", "path", "FILE"),
    Option("gate-replay", "judge from a file that --gate-record wrote", "path", "FILE"),
    Option(
        "gate-demo",
        "judge from evidence that ships with the package",
        choices=("go", "warning", "no-go"),
    ),
    Option(
        "gate-act",
        "carry out the actions of the configuration; without it they are only announced",
        "flag",
        default=False,
    ),
    Option(
        "gate-advisory",
        "exit 0 whatever the verdict; the reports still tell it",
        "flag",
        default=False,
    ),
    Option(
        "gate-query-timeout",
        "longest time for one query (default 10s)",
        "duration",
        "TIME",
        default="10s",
    ),
    Option(
        "gate-timeout",
        "longest time for all queries together (default 30s)",
        "duration",
        "TIME",
        default="30s",
    ),
    Option("gate-concurrency", "queries under way at once (default 16)", "count", "N", default=16),
)
