"""Every option of the gate, once: for the command line, ``deploygate.toml`` and the help.

To add an option, write one line here and one attribute in :class:`~.settings.Settings`, which has
its type and its default.
"""

from __future__ import annotations

from typing import Literal

OptionType = Literal[
    "text",
    "path",
    "output",
    "log",
    "flag",
    "numbers",
    "texts",
    "duration",
    "length",
    "count",
    "time",
]
"""What an option takes.

``path`` is a file that is read, ``output`` a file that is written anew, ``log`` one that is
appended to. A ``length`` is a duration that may be zero.
"""


class Option:
    """One option: ``--NAME`` on the command line, ``NAME`` as a key of the file.

    Attributes:
        name: as it is written, without the dashes before it.
        help: one line; the default in brackets, if there is one.
        type: how the value is read.
        metavar: the word for the value in the help.
        choices: the allowed values, if only some are.
        variable: the environment variable that gives the value too.
        in_file: whether it can be a key of the configuration file.
    """

    # Not a NamedTuple or a dataclass: both compile code while the class is made, and every pytest
    # run of the environment would pay for that, also without the gate.
    __slots__ = ("choices", "help", "in_file", "metavar", "name", "type", "variable")

    def __init__(
        self,
        name: str,
        help: str,
        type: OptionType = "text",
        metavar: str = "",
        *,
        choices: tuple[str, ...] = (),
        variable: str = "",
        in_file: bool = True,
    ) -> None:
        self.name = name
        self.help = help
        self.type = type
        self.metavar = metavar
        self.choices = choices
        self.variable = variable
        self.in_file = in_file

    @property
    def dest(self) -> str:
        """The attribute of the parsed command line, and of the settings."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option(
        "prometheus-url",
        "the Prometheus-compatible server to query; else $PROMETHEUS_URL, else the "
        "configuration, else http://localhost:9090",
        metavar="URL",
        variable="PROMETHEUS_URL",
    ),
    Option(
        "prometheus-config",
        "credentials, TLS, proxy and headers for the server, in the format of promtool's "
        "--http.config.file",
        "path",
        "FILE",
    ),
    Option("gate-json", "write the JSON report", "output", "FILE"),
    Option("gate-junit", "write the JUnit XML report", "output", "FILE"),
    Option("gate-html", "write the report as one HTML page, with charts", "output", "FILE"),
    Option("gate-metrics", "write the gate's own metrics as Prometheus text", "output", "FILE"),
    Option(
        "gate-pushgateway",
        "push the gate's own metrics to this Pushgateway; the URL may contain user:password",
        metavar="URL",
    ),
    # The file has [thresholds] for this.
    Option(
        "gate-set",
        "set a threshold for this run; repeatable",
        "numbers",
        "KEY=VALUE",
        in_file=False,
    ),
    Option(
        "gate-select",
        'add these label matchers to every selector of every query: \'namespace="prod",app="a"\'',
        metavar="MATCHERS",
    ),
    # The file has [vars] for this.
    Option(
        "gate-var",
        "replace $NAME in queries and titles; repeatable",
        "texts",
        "NAME=VALUE",
        in_file=False,
    ),
    Option(
        "gate-config",
        "the configuration file; else the nearest deploygate.toml or [tool.deploygate] of a "
        "pyproject.toml, from this directory upwards",
        "path",
        "FILE",
        in_file=False,
    ),
    Option("gate-env", "the environment, an [env.NAME] of the configuration", metavar="NAME"),
    Option(
        "gate-at",
        "evaluate at this time instead of now: RFC 3339 or Unix seconds",
        "time",
        "TIME",
    ),
    Option(
        "gate-deployed-at",
        "when the new version was deployed: RFC 3339 or Unix seconds; for Compare(before=...), and "
        "a mark in charts",
        "time",
        "TIME",
    ),
    Option("gate-record", "write every response of the source as evidence", "output", "FILE"),
    Option("gate-replay", "judge evidence: a file that --gate-record wrote", "path", "FILE"),
    Option(
        "gate-demo",
        "judge evidence that is part of the package",
        choices=("go", "warning", "no-go"),
    ),
    Option(
        "gate-act",
        "carry out the actions of the configuration; without it they are only announced",
        "flag",
    ),
    Option(
        "gate-advisory",
        "exit 0 whatever the verdict is; the reports still show the verdict",
        "flag",
    ),
    Option("gate-query-timeout", "longest time for one query (default 10s)", "duration", "TIME"),
    Option(
        "gate-timeout", "longest time for all queries together (default 30s)", "duration", "TIME"
    ),
    Option("gate-concurrency", "queries that run at the same time (default 16)", "count", "N"),
    Option(
        "gate-watch",
        "judge again and again for this time: does the new version stay well?",
        "length",
        "TIME",
    ),
    Option(
        "gate-wait",
        "judge again and again until production is well, at most for this time",
        "length",
        "TIME",
    ),
    Option("gate-steady", "a wait ends after GO for this time (default 5m)", "length", "TIME"),
    Option("gate-delay", "time before the first round (default 0s)", "length", "TIME"),
    Option("gate-interval", "time from one round to the next (default 30s)", "duration", "TIME"),
    Option(
        "gate-failures",
        "a watch ends when a check is NO-GO in so many rounds in a row (default 3)",
        "count",
        "N",
    ),
    Option(
        "gate-subject",
        "the artifact that is to be deployed: NAME@sha256:DIGEST",
        metavar="NAME@DIGEST",
    ),
    Option(
        "gate-attest",
        "write an in-toto attestation of the verdict about --gate-subject, unsigned",
        "output",
        "FILE",
    ),
    Option("gate-history", "append the verdict of every round as a line of JSON", "log", "FILE"),
)
