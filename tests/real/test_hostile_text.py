"""No text from outside is trusted: it is shown, but it does nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import END, Gate
from tests.faults import Exchange, Fault, faulty
from tests.servers import Server

QUICKLY = ("-p", "no:cacheprovider")

HOSTILE = {
    "escape": "\x1b[2J\x1b[1;32mGO\x1b[0m",
    "title": "\x1b]0;GO\x07",
    "controls": "\x00\x01\x07\x08\x0b\x0c\x7f\x80\x9b1m",
    "lines": "one\ntwo\r\nthree\rfour\u2028five\x85six",
    "cdata": "]]><failure/><![CDATA[",
    "script": "<script>alert(1)</script>&amp;&#0;\"'",
    "command": "::error::\n::error title=x::y\n##[error]x\n##teamcity[x]",
    "table": "a | b | `c` | [d](javascript:e)",
    "surrogate": "\ud800 \udfff \U0010ffff \ufffe",
    "long": "x" * 10_000,
    "direction": "\u202egnissap\u202c \u2066\u200f\u200b\ufeff",
    "braces": "{} {0} %s %(x)s {{7*7}} ${7} {% x %}",
    "nothing": "",
}

CHECKS = """
    import warnings
    import pytest
    from pytest_deploygate import Criterion, gate_criteria

    HOSTILE = {hostile!r}
    EXPRESSION = 'label_replace(vector(1), "mode", "fast", "", "")  # '

    @gate_criteria([
        Criterion(
            id=f"{{kind}} {{number}} {{text}}",
            title=f"Title {{text}}",
            query=EXPRESSION + name + " " + kind,
            **limit,
        )
        for name, given in HOSTILE.items()
        for text in [given.replace("\\ud800 \\udfff", name)]
        for number, (kind, limit) in enumerate([
            ("labels", dict(below=0)), ("labels", dict(below=2)), ("warnings", dict(below=2)),
            ("error", dict(below=2)), ("page", dict(below=2)), ("value", dict(below=2)),
        ])
    ])
    def test_answers(criterion, gate):
        gate.check(criterion)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_query_itself(name, gate):
        gate.check("vector(1) # " + HOSTILE[name], below=2, title=HOSTILE[name])

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_unit(name, gate):
        gate.check("vector(1)", below=2, unit=HOSTILE[name][:100], quantity=HOSTILE[name][:100])

    @pytest.mark.parametrize("text", HOSTILE.values())
    def test_exceptions(text):
        raise RuntimeError(text)

    @pytest.mark.parametrize("text", HOSTILE.values())
    def test_assertions(text):
        print(text)
        assert text == "other", text

    @pytest.mark.parametrize("text", HOSTILE.values())
    def test_skips(text):
        pytest.skip(text)

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.values())
    def test_expected(text, request):
        request.applymarker(pytest.mark.xfail(reason=text))
        raise ValueError(text)

    for name, text in HOSTILE.items():
        exec(f"def test_doc_{{name}}(): pass")
        globals()[f"test_doc_{{name}}"].__doc__ = text
"""


def spoiling(kind: str, text: str) -> Fault:
    """Answer with a hostile text in this place."""

    def inject(exchange: Exchange) -> None:
        series: dict[str, Any] = {"metric": {}, "value": [END, "1"]}
        answer: dict[str, Any] = {
            "status": "success",
            "data": {"resultType": "vector", "result": [series]},
        }
        if kind == "labels":
            series["metric"] = {"mode": text, text or "empty": "value"}
        elif kind == "warnings":
            answer["warnings"] = [text, text]
        elif kind == "value":
            series["value"][1] = text
        elif kind == "error":
            answer = {"status": "error", "errorType": text, "error": text}
        body = json.dumps(answer).encode()
        if kind == "page":
            body = text.encode("utf-8", "surrogatepass")
        exchange.send(418 if kind == "page" else 200, body)

    return Fault(inject)


class Spoilt(dict[str, Fault]):
    """Every place and text; what is asked otherwise gets the last."""

    def __missing__(self, name: str) -> Fault:
        return Fault(Exchange.pass_on)


FAULTS = Spoilt(
    {
        f"{name} {kind}": spoiling(kind, text)
        for name, text in HOSTILE.items()
        for kind in ("labels", "warnings", "error", "page", "value")
    }
)


def assert_inert(output: str) -> None:
    """Nothing but text, lines, links to the server, and the colours that pytest itself uses."""
    text = re.sub(r"\x1b\[(\d{1,2}(;\d{1,2})*)?m", "", output)
    text = re.sub(r"\x1b\]8;;((http://127\.0\.0\.1:|file:///)[!-~]+)?\x1b\\", "", text)
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn")
    found = {c for c in text if unicodedata.category(c) in kinds} - {"\n"}
    assert not found
    assert not re.search(r"^\s*::error", text, re.MULTILINE)


@pytest.mark.parametrize("colour", ["no", "yes"])
def test_hostile_text_does_nothing(
    colour: str,
    healthy: Server,
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
) -> None:
    pytester.makepyfile(CHECKS.format(hostile=HOSTILE))
    files = ("--gate-json=gate.json", "--gate-junit=gate.xml", "--gate-html=gate.html")
    with faulty(healthy.url, FAULTS) as proxy:
        result = run_gate(
            *(*QUICKLY, *workers, *files, "--gate-metrics=gate.prom", "--gate-record=gate.ev"),
            *(f"--prometheus-url={proxy.url}", f"--gate-at={END}", f"--color={colour}"),
            *("-vv", "-rA", "--junitxml=pytest.xml"),
        )
    assert result.ret == 2
    assert_inert("\n".join(result.outlines))
    directory = pytester.path
    report = json.loads((directory / "gate.json").read_text("utf-8"), parse_constant=pytest.fail)
    json.dumps(report, ensure_ascii=False).encode()
    assert len(report["checks"]) == 13 * len(HOSTILE)
    cases = ElementTree.parse(directory / "gate.xml").findall(".//testcase")
    assert len(cases) == len(report["checks"])
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    assert_converts(directory / "gate.xml", len(cases))
    ElementTree.parse(directory / "pytest.xml")
    for file in ("gate.html", "gate.prom", "gate.ev"):
        assert (directory / file).read_text("utf-8")


def test_a_worker_that_cannot_tell_what_it_saw_costs_the_verdict(
    healthy: Server, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile("""
        def test_it(gate):
            try:
                gate.query("vector(1) # \\ud800")
            except Exception:
                pass
    """)
    url = f"--prometheus-url={healthy.url}"
    result = run_gate(*QUICKLY, "-n", "1", url, "--gate-record=gate.ev")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*NO-GO (exit code 2): a worker ended without a report*"])


def assert_converts(file: Path, cases: int) -> None:
    """GitLab's own conversion takes the file."""
    ruby = shutil.which("ruby")
    if ruby is None:
        return
    script = """
        require 'active_support'
        require 'active_support/core_ext/hash/conversions'
        ActiveSupport::XmlMini.backend = 'Nokogiri'
        puts Hash.from_xml(File.read(ARGV[0]))['testsuites']['testsuite']['testcase'].size
    """
    done = subprocess.run([ruby, "-e", script, str(file)], capture_output=True, text=True)
    assert done.stderr == ""
    assert int(done.stdout) == cases


# The controller alone writes to the terminal: distributed, one encoding is as good as another.
@pytest.mark.parametrize(
    ("encoding", "workers"),
    [
        *(pytest.param(name, (), id=name) for name in ("ascii", "cp949", "latin-1", "utf-8")),
        pytest.param("ascii", ("-n", "2"), id="ascii, xdist"),
    ],
)
def test_a_terminal_that_cannot_show_everything_gets_words(
    encoding: str,
    healthy: Server,
    pytester: pytest.Pytester,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    pytester.makepyfile(CHECKS.format(hostile=HOSTILE))
    with faulty(healthy.url, FAULTS) as proxy:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "deploygate", *QUICKLY, *workers),
                *("-v", "-rA", f"--prometheus-url={proxy.url}", f"--gate-at={END}"),
            ],
            cwd=pytester.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
    output = done.stdout.decode(encoding)
    assert done.returncode == 2
    assert "NO-GO (exit code 2)" in output
    assert ("🔴 NO-GO" in output) is (encoding == "utf-8")
    assert "INTERNALERROR" not in output
    assert_inert(output)
