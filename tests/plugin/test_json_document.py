"""The JSON report's document is the one that pytest-json-report makes, with the gate's keys."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conftest import Gate

CONFTEST = """
    def pytest_json_runtest_metadata(item, call):
        return {"phases": call.when} if "noted" in item.name else None
"""
TESTS = """
    import sys
    import pytest

    @pytest.fixture
    def loud():
        print("setup out")
        yield
        print("teardown err", file=sys.stderr)

    def test_silent(): pass
    def test_loud(loud): print("call out")
    def test_failed(loud): assert 1 == 2, "not equal"
    def test_metadata(json_metadata): json_metadata["a"] = {"b": [1]}
    def test_metadata_in_a_failure(json_metadata):
        json_metadata["a"] = 1
        assert False
    def test_noted(): pass
    def test_properties(record_property): record_property("key", "text")
    @pytest.mark.skip(reason="later")
    def test_skipped(): pass
    @pytest.mark.xfail
    def test_xfailed(): assert False
    @pytest.mark.xfail
    def test_xpassed(): pass
    @pytest.fixture
    def broken(): raise ValueError("broken")
    def test_error(broken): pass
    @pytest.fixture
    def broken_later():
        yield
        raise ValueError("broken later")
    def test_error_at_the_end(broken_later): pass
    @pytest.mark.parametrize("number", [1, 2])
    def test_with(number): pass
"""
TIMES = ("created", "duration")
OWN_WAY = (
    *("--json-report", "--json-report-file=own.json"),
    *("--json-report-omit", "collectors", "keywords", "log", "--"),
)


def normal(value: Any) -> Any:
    """Without what differs from run to run."""
    if isinstance(value, dict):
        return {key: normal(one) for key, one in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [normal(one) for one in value]
    return re.sub(r"^\[gw\d\]", "[gw]", value) if isinstance(value, str) else value


@pytest.mark.parametrize("status", ["", "def pytest_report_teststatus(report): pass"])
def test_the_document_is_the_one_that_pytest_json_report_makes(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], status: str
) -> None:
    pytester.makeconftest(CONFTEST + "    " + status)
    pytester.makepyfile(test_all=TESTS)
    documents = {}
    for name, arguments in {"theirs": OWN_WAY, "ours": ()}.items():
        run_gate(*workers, "--gate-demo=go", "--gate-json=gate.json", *arguments, "test_all.py")
        document = json.loads((pytester.path / "gate.json").read_text(encoding="utf-8"))
        document["tests"].sort(key=lambda test: test["nodeid"])
        document.pop("notices", None)
        documents[name] = document
    ours, theirs = normal(documents["ours"]), normal(documents["theirs"])
    assert len(ours["tests"]) == 14
    assert ours == theirs
    assert list(documents["ours"]) == list(documents["theirs"])
    tests = {one["nodeid"].partition("::")[2]: one for one in ours["tests"]}
    assert tests["test_metadata"]["metadata"] == {"a": {"b": [1]}}
    assert tests["test_loud"]["call"]["stdout"] == "call out\n"
    assert tests["test_loud"]["teardown"]["stderr"] == "teardown err\n"


def test_metadata_that_is_no_json_is_left_out_with_a_warning(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(
        test_set="import pytest\n@pytest.mark.critical\n"
        "def test_set(json_metadata): json_metadata['a'] = {1, 2}"
    )
    result = run_gate("--gate-demo=go", "--gate-json=gate.json", "test_set.py")
    result.stdout.fnmatch_lines(["*Metadata of test_set.py::test_set is not JSON-serializable*"])
    document = json.loads((pytester.path / "gate.json").read_text(encoding="utf-8"))
    assert "metadata" not in document["tests"][0]
