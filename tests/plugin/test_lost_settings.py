"""No setting and no required check is lost without a word."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pytest_deploygate.cli import main
from tests import forked
from tests.conftest import Gate

SOURCE = """
    from pytest_deploygate.core.report import SourceInfo
    from pytest_deploygate.core.series import Measurement, Series

    class Five:
        info = SourceInfo("prometheus", "http://example.com")
        def ask(self, query, deadline):
            there = query.expr != "nothing"
            return Measurement((Series({}, ((query.at, 5.0),)),) if there else ())
        def notices(self): return ()

    def pytest_deploygate_source(): return Five()
"""
CHECKS = """
    import pytest
    from pytest_deploygate import Criterion, gate_criteria, threshold

    @gate_criteria([
        Criterion(id="load", query="load", at_most=threshold("load_max", 10)),
        Criterion(id="spare", query="nothing", below=1, severity="warning"),
    ])
    def test_criteria(criterion, gate): gate.check(criterion)
"""
INLINE = """
    @pytest.mark.critical
    def test_orders(gate):
        gate.check("orders", at_least=threshold("orders_min", 1))

    @pytest.mark.critical
    def test_skipped(gate):
        pytest.skip("not today")
        gate.check("orders", at_least=threshold("skipped_min", 1))
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A project with checks of its own, and with a source that answers 5."""
    pytester.makeconftest(SOURCE)
    directory = pytester.mkdir("gate_checks")
    (directory / "test_load.py").write_text(dedent(CHECKS))
    return pytester.path


def ran(project: Path, run_gate: Gate, *arguments: str, text: str = "") -> dict[str, Any]:
    """The JSON report of a run with this configuration."""
    if text:
        (project / "deploygate.toml").write_text(text)
    run_gate(*arguments, "--gate-json=gate.json")
    report: dict[str, Any] = json.loads((project / "gate.json").read_text())
    return report


LIMIT = "[thresholds]\nload_max = 3\n"


@pytest.mark.parametrize("moved", ["pytest.ini", "setup.py", "-c", "--rootdir", "second run"])
def test_the_same_configuration_is_read_wherever_pytests_root_is(
    project: Path, fork_server: str, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    """A monorepo, and the report of the first run, which is a path that exists in the second."""
    service = project / "service"
    service.mkdir()
    (project / "gate_checks").rename(service / "gate_checks")
    (project / "conftest.py").rename(service / "conftest.py")
    (service / "ci").mkdir()
    (service / "ci" / "pytest.ini").write_text("[pytest]\n")
    if moved in ("pytest.ini", "setup.py"):
        (project / moved).write_text("[pytest]\n" if moved == "pytest.ini" else "")
    arguments = {"-c": ("-c", "ci/pytest.ini"), "--rootdir": ("--rootdir", "..")}.get(moved, ())
    (service / "deploygate.toml").write_text(LIMIT)
    on = ("-p", "deploygate", "--gate-json", "out/gate.json", "./gate_checks")
    monkeypatch.chdir(service)
    for _ in range(2 if moved == "second run" else 1):
        assert forked.run_pytest(fork_server, service, *on, *arguments).ret == 2
    report = json.loads((service / "out" / "gate.json").read_text())
    assert report["configuration"] == str(service / "deploygate.toml")
    assert report["checks"][0]["threshold"] == 3


def test_every_report_says_which_configuration_was_read(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    result = run_gate(*workers, "--gate-json=gate.json", "--gate-html=gate.html")
    result.stdout.fnmatch_lines(["Configuration: none"])
    assert json.loads((project / "gate.json").read_text())["configuration"] is None
    assert "<dt>Configuration</dt><dd><bdi>none" in (project / "gate.html").read_text()
    (project / "deploygate.toml").write_text("")
    path = str(project / "deploygate.toml")
    result = run_gate(*workers, "--gate-json=gate.json", "--gate-html=gate.html")
    result.stdout.fnmatch_lines([f"Configuration: {path}"])
    assert json.loads((project / "gate.json").read_text())["configuration"] == path
    assert f"<dt>Configuration</dt><dd><bdi>{path}" in (project / "gate.html").read_text()


def test_a_file_that_is_not_read_is_refused_or_noticed(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    other = project / "gate_checks" / "deploygate.toml"
    other.write_text(LIMIT)
    result = run_gate(*workers, "./gate_checks")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: deploygate: {other}: is not read, *--gate-config *"])
    report = ran(project, run_gate, *workers, "./gate_checks", text="gate-act = false\n")
    assert report["notices"] == [
        f"{other} is not read: the configuration is {project / 'deploygate.toml'}"
    ]
    assert ran(project, run_gate, *workers, f"--gate-config={other}")["exitcode"] == 2


TYPO = "deploygate.toml: unknown threshold 'load_mx', did you mean 'load_max'?"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[thresholds]\nload_mx = 1\n", TYPO),
        (
            "[env.other.thresholds]\nload_mx = 1\n",
            TYPO.replace("toml:", "toml [env.other]:"),
        ),
        (
            "[env.other.criteria.lod]\noptional = true\n",
            "deploygate.toml [env.other]: unknown criterion 'lod', did you mean 'load'?",
        ),
    ],
)
@pytest.mark.parametrize("inline", [False, True])
def test_a_name_that_nothing_knows_is_refused_in_every_environment(
    project: Path, run_gate: Gate, text: str, complaint: str, inline: bool
) -> None:
    if inline:
        file = project / "gate_checks" / "test_load.py"
        file.write_text(dedent(CHECKS + INLINE))
    report = ran(project, run_gate, text=text)
    assert report["problems"] == [complaint]
    assert report["exitcode"] == (2 if inline else 4)


def test_a_name_is_refused_in_every_process(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (project / "gate_checks" / "test_load.py").write_text(dedent(CHECKS + INLINE))
    report = ran(project, run_gate, *workers, text="[env.other.thresholds]\nload_mx = 1\n")
    assert report["problems"] == [TYPO.replace("toml:", "toml [env.other]:")]


def test_a_name_that_only_the_body_of_a_test_knows_is_accepted(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (project / "gate_checks" / "test_load.py").write_text(dedent(CHECKS + INLINE))
    text = "[thresholds]\norders_min = 2\nskipped_min = 2\n"
    report = ran(project, run_gate, *workers, text=text)
    assert (report["problems"], report["notices"]) == ([], [])


@pytest.mark.parametrize("part", [("gate_checks/test_load.py",), ("-k", "spare")])
def test_a_run_of_which_a_part_was_named_says_it_in_a_notice(
    project: Path, run_gate: Gate, part: tuple[str, ...]
) -> None:
    report = ran(project, run_gate, *part, text="[thresholds]\nload_mx = 1\n")
    assert (report["notices"], report["problems"]) == ([TYPO], [])


@pytest.mark.parametrize(
    ("text", "arguments", "problems"),
    [
        ('required = ["load"]', (), []),
        ('required = ["lo*"]\n', (), []),
        (
            'required = ["orders_*"]',
            (),
            ["the required check 'orders_*' is not among the checks, known: load, spare"],
        ),
        (
            'required = ["spare"]',
            (),
            ["the required check 'spare' was not measured: no data: the query matches nothing"],
        ),
        (
            'required = ["load"]\n[env.x]\nrequired = ["lod"]',
            ("--gate-env=x",),
            ["the required check 'lod' is not among the checks, did you mean 'load'?"],
        ),
        ('required = ["load"]\n[env.x]\nrequired = ["lod"]', (), []),
    ],
)
def test_a_required_check_must_be_measured(
    project: Path, run_gate: Gate, text: str, arguments: tuple[str, ...], problems: list[str]
) -> None:
    report = ran(project, run_gate, *arguments, text=text)
    assert report["problems"] == problems
    assert report["exitcode"] == (2 if problems else 1)


@pytest.mark.parametrize("in_file", [True, False])
def test_what_the_command_line_leaves_out_of_the_required_makes_the_run_partial(
    project: Path, run_gate: Gate, workers: tuple[str, ...], in_file: bool
) -> None:
    select = ("-k", "not spare")
    if in_file:
        (project / "pytest.ini").write_text("[pytest]\naddopts = -k 'not spare'\n")
    text = 'required = ["load", "spare"]\n'
    report = ran(project, run_gate, *workers, *(() if in_file else select), text=text)
    assert report["overall_status"] == ("NO_GO" if in_file else "WARNING")
    said = report["problems"][0] if in_file else report["partial_reason"]
    assert "the required check 'spare' is not among the checks" in said


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ((), ""),
        (("--require", "load", "--min-checks", "1"), ""),
        (("--require", "spare"), "the required check 'spare' was not measured: no data"),
        (("--require", "o*", "--require", "load"), "the required check 'o*' is not among"),
        (("--min-checks", "2"), "measured 1 check, expected 2 (--min-checks)"),
    ],
)
def test_verify_can_require_checks(
    project: Path,
    run_gate: Gate,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    refusal: str,
) -> None:
    ran(project, run_gate)
    code = main(["verify", str(project / "gate.json"), "--allow-warning", *arguments])
    assert code == (2 if refusal else 0)
    assert refusal in capsys.readouterr().err


def test_missing_data_has_a_default_for_critical_criteria(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (project / "gate_checks" / "test_load.py").write_text(
        dedent("""
            import pytest
            from pytest_deploygate import Criterion, gate_criteria
            NOTHING = {"query": "nothing", "below": 1}

            @gate_criteria([
                Criterion(id="load", query="load", below=10),
                Criterion(id="critical", **NOTHING),
                Criterion(id="says", no_data="warning", **NOTHING),
                Criterion(id="optional", optional=True, **NOTHING),
                Criterion(id="lenient", severity="warning", **NOTHING),
            ])
            def test_all(criterion, gate): gate.check(criterion)

            @pytest.mark.critical
            def test_ad_hoc(gate): gate.check("nothing", below=1)

            @pytest.mark.warning
            def test_ad_hoc_warning(gate): gate.check("nothing", below=1)
        """)
    )
    report = ran(project, run_gate, *workers, text='[defaults]\nno_data = "no-go"\n')
    assert {check["id"]: check["status"] for check in report["checks"]} == {
        "load": "GO",
        "critical": "NO_GO",
        "says": "WARNING",
        "optional": "SKIPPED",
        "lenient": "WARNING",
        "ad_hoc": "NO_GO",
        "ad_hoc_warning": "WARNING",
    }
    assert [change["name"] for change in report["configured"]] == ["defaults.no_data"]


def test_a_check_that_is_left_out_on_purpose_is_listed_and_the_run_is_whole(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (project / "gate_checks" / "test_load.py").write_text(dedent(CHECKS + INLINE))
    text = "[criteria.spare]\nenabled = false\n[criteria.orders]\nenabled = false\n"
    report = ran(project, run_gate, *workers, text=text)
    assert (report["overall_status"], report["partial"]) == ("GO", False)
    messages = {check["id"]: check["message"] for check in report["checks"]}
    for name in ("spare", "orders"):
        why = f"left out on purpose: deploygate.toml: criteria.{name}.enabled = false"
        assert messages[name] == why
    result = run_gate(*workers)
    result.stdout.fnmatch_lines(["*left out on purpose: deploygate.toml: criteria.spare*"])


MILD = """
    import pytest

    @pytest.mark.critical
    def test_blocks(gate):
        gate.check("one", below=10, id="blocks")

    @pytest.mark.critical
    def test_also(gate):
        gate.check("nothing", below=10, id="also")

    @pytest.mark.warning
    def test_mild(gate):
        gate.check("one", below=10, id="mild")
"""


def test_a_check_that_is_left_out_on_purpose_makes_no_gate_blind(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (project / "gate_checks" / "test_load.py").write_text(dedent(MILD))
    report = ran(project, run_gate, *workers, text="[criteria.also]\nenabled = false\n")
    assert (report["overall_status"], report["partial"]) == ("GO", False)
    report = ran(project, run_gate, *workers, text="[criteria.blocks]\nenabled = false\n")
    assert report["overall_status"] == "NO_GO"
    assert report["sentence"].startswith("the gate is blind: the only critical check")


def test_a_gate_of_which_every_critical_check_is_left_out_is_at_best_a_warning(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (project / "gate_checks" / "test_load.py").write_text(dedent(MILD))
    text = "[criteria.blocks]\nenabled = false\n[criteria.also]\nenabled = false\n"
    report = ran(project, run_gate, *workers, text=text)
    assert (report["overall_status"], report["partial"]) == ("WARNING", True)
    assert report["sentence"] == (
        "partial, 1 of 3 checks ran, all passed: every critical check is left out on purpose: "
        "nothing that blocks was asked"
    )


def test_an_ad_hoc_criterion_can_be_left_out_by_its_id(project: Path, run_gate: Gate) -> None:
    (project / "gate_checks" / "test_load.py").write_text(
        dedent("""
            import pytest
            @pytest.mark.critical
            def test_both(gate):
                gate.check("one", below=10, id="one")
                gate.check("two", below=1, id="two")
        """)
    )
    report = ran(project, run_gate, text="[criteria.two]\nenabled = false\n")
    assert [check["status"] for check in report["checks"]] == ["GO", "SKIPPED"]


def test_a_demonstration_runs_the_checks_that_ship_and_ignores_settings_of_others(
    project: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    text = 'required = ["load"]\n[thresholds]\nload_max = 1\nfast_p95_max = 1.0\n'
    report = ran(project, run_gate, *workers, "--gate-demo=go", text=text)
    assert len(report["checks"]) >= 13
    assert "load" not in {check["id"] for check in report["checks"]}
    assert [one["name"] for one in report["configured"]] == ["fast_p95_max"]
    assert report["notices"] == []
