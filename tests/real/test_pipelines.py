"""Nothing but a fresh GO, or a WARNING that is allowed to, reaches a pipeline's deploy line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_deploygate.cli import main
from pytest_deploygate.core.report import GateReport, SourceInfo
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.verdict import Verdict
from tests import pipelines, servers
from tests.made import document, report, result
from tests.pipelines import ROOT, Outcome, Workplace, dumped
from tests.production import openmetrics, production

GO = report(result())
WARNING = report(result(), result(Status.WARNING))
NO_GO = report(result(), result(Status.NO_GO))
CODES = (0, 1, 2, 3, 4, 5, 137)


def fresh(made: GateReport, age: float = 0.0) -> str:
    """The report of a run that ended so many seconds ago."""
    ended = time.time() - age
    return dumped(document(replace(made, evaluated_at=ended - 1), created=ended))


@dataclass(frozen=True)
class Plan:
    """How the gate's process ends, and what it writes."""

    code: int
    report: Callable[[], str] = lambda: ""
    pip: int = 0
    pytest: str = ""
    without: tuple[str, ...] = ()

    def set_up(self, place: Workplace) -> None:
        """Let it come to this."""
        place.planned(code=self.code, report=self.report(), pip=self.pip)
        if self.pytest:
            place.tool("pytest", self.pytest)
        for tool in self.without:
            (place.tools / tool).unlink()


MISSING_PLUGIN = f'exec {sys.executable} -m pytest -p no_such_deploygate "$@"'
UNKNOWN_OPTIONS = f"exec {sys.executable} -m pytest --gate-of-no-plugin"
PARTIAL = replace(GO, verdict=Verdict.WARNING, partial="1 check was deselected")
REPLAY = replace(GO, source=SourceInfo(kind="recording", location="demo go"))
LAST_WEEK = {"timestamp": "2026-01-01T00:00:00.000Z"}

BLOCKED = {
    **{f"exit code {code} and no report": Plan(code) for code in CODES},
    **{f"exit code {code} and GO": Plan(code, lambda: fresh(GO)) for code in CODES if code != 0},
    "WARNING that ended in 0": Plan(0, lambda: fresh(WARNING)),
    "NO-GO": Plan(2, lambda: fresh(NO_GO)),
    "advisory NO-GO": Plan(0, lambda: fresh(replace(NO_GO, advisory=True))),
    "no verdict": Plan(2, lambda: fresh(report(problems=("interrupted",)))),
    "stale": Plan(0, lambda: fresh(GO, age=1000)),
    "about last week": Plan(0, lambda: dumped(document(GO, created=time.time()), **LAST_WEEK)),
    "partial": Plan(1, lambda: fresh(PARTIAL)),
    "replay": Plan(0, lambda: fresh(REPLAY)),
    "cut off": Plan(0, lambda: fresh(GO)[:-20]),
    "pip fails": Plan(0, lambda: fresh(GO), pip=1),
    "pip and the gate fail": Plan(1, pip=1),
    "the plugin is missing": Plan(0, pytest=MISSING_PLUGIN),
    "another plugin": Plan(0, pytest=UNKNOWN_OPTIONS),
    "pytest is missing": Plan(0, without=("pytest",)),
    "nothing was installed": Plan(0, lambda: fresh(GO), without=("pytest", "deploygate")),
    "deploygate is missing": Plan(0, lambda: fresh(GO), without=("deploygate",)),
}


@cache
def printed(*arguments: str) -> str:
    """What ``deploygate ci`` prints in a repository that has no checks of its own."""
    out = StringIO()
    with TemporaryDirectory() as repository, chdir(repository), redirect_stdout(out):
        assert main(["ci", *arguments]) == 0
    return out.getvalue()


Runner = Callable[..., Outcome]


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "place")


@pytest.fixture(params=["github", "action", "gitlab", "gitlab-sh", "jenkins"])
def pipeline(request: pytest.FixtureRequest, place: Workplace) -> Runner:
    """One of the pipelines that deploy, to be run with or without allowing WARNING."""

    def run(
        *, allow_warning: bool = False, allow_waived: bool = False, watch: bool = False
    ) -> Outcome:
        if request.param == "action":
            if watch:
                pytest.skip("the action ends before the deployment")
            text = (ROOT / "action.yml").read_text()
            allowing = {"allow_warning": allow_warning, "allow_waived": allow_waived}
            given = {name: str(value).lower() for name, value in allowing.items()}
            return pipelines.action(text, place, **given)
        platform, _, shell = request.param.partition("-")
        allowed = ["--allow-warning"] if allow_warning else []
        allowed += ["--allow-waived"] if allow_waived else []
        text = printed(platform, *allowed, *(["--watch", "30m"] if watch else []))
        if platform == "gitlab":
            return pipelines.gitlab(text, place, shell or "bash")
        return getattr(pipelines, platform)(text, place)  # type: ignore[no-any-return]

    return run


@pytest.mark.parametrize("plan", BLOCKED.values(), ids=BLOCKED)
def test_nothing_else_deploys(pipeline: Runner, place: Workplace, plan: Plan) -> None:
    place.left_over(fresh(GO))
    plan.set_up(place)
    outcome = pipeline(allow_warning=True)
    assert not outcome.passed, outcome.log
    assert not place.deployed
    assert outcome.facts.get("asked") is not True


def test_a_waived_check_deploys_where_that_is_allowed(pipeline: Runner, place: Workplace) -> None:
    waived = report(result(), result(Status.WAIVED, id="known"))
    place.planned(code=1, report=fresh(waived))
    outcome = pipeline(allow_waived=True)
    assert place.deployed, outcome.log
    assert outcome.facts.get("asked") is not True


def test_where_waivers_are_allowed_no_other_warning_deploys(
    pipeline: Runner, place: Workplace
) -> None:
    place.planned(code=1, report=fresh(WARNING))
    outcome = pipeline(allow_waived=True)
    assert not place.deployed or outcome.facts.get("asked") is True


@pytest.mark.parametrize("allow_warning", [False, True])
def test_a_fresh_go_deploys(pipeline: Runner, place: Workplace, allow_warning: bool) -> None:
    place.left_over(fresh(NO_GO))
    place.planned(code=0, report=fresh(GO))
    outcome = pipeline(allow_warning=allow_warning)
    assert outcome.passed, outcome.log
    assert place.deployed
    assert outcome.facts.get("asked") is not True


@pytest.mark.parametrize(
    ("code", "made", "passed"), [(0, GO, True), (1, WARNING, True), (2, NO_GO, False)]
)
def test_the_watch_after_the_deployment_decides_how_the_pipeline_ends(
    pipeline: Runner, place: Workplace, code: int, made: GateReport, passed: bool
) -> None:
    place.planned(code=0, report=fresh(GO))
    place.watched(code=code, report=fresh(made))
    outcome = pipeline(watch=True)
    assert place.deployed
    assert outcome.passed is passed, outcome.log
    arguments = (place.plan / "watch-arguments").read_text().split("\n")
    assert arguments[arguments.index("--gate-watch") + 1] == "30m"
    assert "--gate-act" in arguments


def test_a_watch_without_a_report_fails_the_pipeline(pipeline: Runner, place: Workplace) -> None:
    place.planned(code=0, report=fresh(GO))
    place.watched(code=0)
    assert not pipeline(watch=True).passed


def test_a_warning_deploys_where_it_is_allowed_to(pipeline: Runner, place: Workplace) -> None:
    place.planned(code=1, report=fresh(WARNING))
    outcome = pipeline(allow_warning=True)
    assert outcome.passed, outcome.log
    assert place.deployed


def test_a_warning_deploys_nowhere_else(pipeline: Runner, place: Workplace) -> None:
    place.planned(code=1, report=fresh(WARNING))
    outcome = pipeline()
    if "asked" in outcome.facts:  # Jenkins asks somebody, who says yes here
        assert outcome.facts["asked"] is True
    else:
        assert not outcome.passed
        assert not place.deployed


def test_jenkins_deploys_a_warning_only_with_a_humans_word(tmp_path: Path) -> None:
    text = printed("jenkins")
    for word in (True, False):
        place = Workplace(tmp_path / str(word))
        place.planned(code=1, report=fresh(WARNING))
        outcome = pipelines.jenkins(text, place, human=word)
        assert outcome.facts["asked"] is True
        assert outcome.passed is place.deployed is word


def test_a_report_that_grows_old_while_jenkins_asks_does_not_deploy(place: Workplace) -> None:
    place.planned(code=1, report=fresh(WARNING))
    place.plan.joinpath("old").write_text(fresh(WARNING, age=901))
    later = """stage('Later') { sh '''cp "$PLAN/old" gate-report/report.json''' }"""
    text = printed("jenkins").replace("stage('Deploy')", f"{later} stage('Deploy')")
    outcome = pipelines.jenkins(text, place)
    assert outcome.facts["asked"] is True
    assert not place.deployed
    assert "is stale" in outcome.log


@pytest.mark.parametrize(
    ("plan", "code", "verdict"),
    [
        (Plan(0, lambda: fresh(GO)), 0, "GO"),
        (Plan(1, lambda: fresh(WARNING)), 1, "WARNING"),
        (Plan(2, lambda: fresh(NO_GO)), 2, "NO-GO"),
        (Plan(1), 2, "NO-GO"),
        (Plan(0, pip=1), 3, ""),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_gitlabs_gate_ends_in_1_for_a_verified_warning_alone(
    place: Workplace,
    shell: str,
    plan: Plan,
    code: int,
    verdict: str,
) -> None:
    plan.set_up(place)
    outcome = pipelines.gitlab(printed("gitlab"), place, shell)
    assert (outcome.facts["code"], outcome.facts["verdict"]) == (code, verdict)


@pytest.mark.parametrize(
    ("left", "message"),
    [
        (lambda: "", "there is no report"),
        (lambda: fresh(GO, age=1000), "is stale"),
        (lambda: fresh(PARTIAL), "is partial"),
        (lambda: fresh(NO_GO), "NO-GO: "),
        (lambda: fresh(WARNING), "WARNING: "),
        (lambda: fresh(GO), ""),
    ],
)
def test_gitlabs_deploy_job_refuses_when_it_is_retried(
    place: Workplace, left: Callable[[], str], message: str
) -> None:
    outcome = pipelines.gitlab_deploy(printed("gitlab"), place, left())
    assert outcome.passed is place.deployed is (message == "")
    assert message in outcome.log


@pytest.mark.parametrize(
    ("plan", "verdict", "code"),
    [
        (Plan(0, lambda: fresh(GO)), "GO", "0"),
        (Plan(1, lambda: fresh(WARNING)), "WARNING", "1"),
        (Plan(2, lambda: fresh(NO_GO)), "NO-GO", "2"),
        (Plan(137), "NO-GO", "137"),
        (Plan(0, lambda: fresh(PARTIAL)), "NO-GO", "0"),
        (Plan(0, pip=1), "NO-GO", ""),
    ],
)
def test_the_action_outputs_the_verdict_that_was_verified(
    place: Workplace, plan: Plan, verdict: str, code: str
) -> None:
    plan.set_up(place)
    outcome = pipelines.action((ROOT / "action.yml").read_text(), place)
    assert (outcome.facts["verdict"], outcome.facts["exit-code"]) == (verdict, code)


def test_the_daily_script_is_silent_on_go_and_writes_dated_reports(place: Workplace) -> None:
    place.planned(code=0, report=fresh(GO))
    outcome = pipelines.cron(printed("cron"), place)
    assert (outcome.passed, outcome.log) == (True, "")
    reports = place.project / "gate-reports"
    assert sorted(path.name for path in reports.iterdir()) == [
        f"gate_check_{pipelines.today()}.{end}" for end in ("json", "log")
    ]


@pytest.mark.parametrize("plan", BLOCKED.values(), ids=BLOCKED)
def test_the_daily_script_prints_what_is_wrong(place: Workplace, plan: Plan) -> None:
    if plan.pip:
        pytest.skip("it installs nothing")
    place.left_over(fresh(GO))
    plan.set_up(place)
    outcome = pipelines.cron(printed("cron"), place)
    assert not outcome.passed
    assert len(outcome.log.splitlines()) == 1


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A healthy production that is being scraped now, and for a while to come."""
    with ExitStack() as stack:
        samples = openmetrics(production(time.time() + 900))
        directory = tmp_path_factory.mktemp("live")
        yield stack.enter_context(servers.prometheus(samples, directory))


def really(place: Workplace) -> None:
    """Let pytest be pytest."""
    place.tool("pytest", f'exec {sys.executable} -m pytest "$@"')


def test_every_pipeline_deploys_on_a_healthy_production(
    pipeline: Runner, place: Workplace, live: servers.Server
) -> None:
    really(place)
    place.environ["PROMETHEUS_URL"] = live.url
    place.tool("pip", "exit 0")
    outcome = pipeline()
    assert outcome.passed, outcome.log
    assert place.deployed


def test_no_pipeline_deploys_when_the_server_is_gone(pipeline: Runner, place: Workplace) -> None:
    really(place)
    place.environ["PROMETHEUS_URL"] = f"http://127.0.0.1:{servers.free_port()}"
    outcome = pipeline(allow_warning=True)
    assert not outcome.passed
    assert not place.deployed
    assert "Traceback" not in outcome.log
