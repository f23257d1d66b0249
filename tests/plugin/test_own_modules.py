"""The gate's modules are imported with the bytecode that pip compiled, and no others are."""

from __future__ import annotations

import pytest

from pytest_deploygate.plugin.own_modules import OwnModules
from tests.conftest import Gate

LOADERS = """
    import sys

    def pytest_sessionfinish(session):
        where = "worker" if hasattr(session.config, "workerinput") else "main"
        for name in {"pytest_deploygate.engine.run", "test_good"} & set(sys.modules):
            loader = sys.modules[name].__loader__
            print("LOADED", where, name, type(loader).__name__, file=sys.__stderr__, flush=True)
"""


def test_only_the_gates_own_modules_are_not_rewritten(
    pytester: pytest.Pytester, start_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(LOADERS)
    pytester.makepyfile(test_good="import pytest\n@pytest.mark.critical\ndef test_good(): pass")
    result = start_gate(*workers, "--gate-demo=go", ".")
    where = "worker" if workers else "main"
    result.stderr.fnmatch_lines_random(
        [
            f"LOADED {where} pytest_deploygate.engine.run SourceFileLoader",
            f"LOADED {where} test_good AssertionRewritingHook",
        ]
    )


def test_the_importers_are_the_same_when_pytest_is_done(pytester: pytest.Pytester) -> None:
    script = pytester.makepyfile(
        runs="""
        import sys
        import pytest

        before = list(sys.meta_path)
        assert pytest.main(["-p", "deploygate", "--gate-demo=go", "."]) == 0
        assert pytest.main(["-p", "deploygate", "--gate-demo=never", "."]) == 4
        assert sys.meta_path == before
        """
    )
    pytester.makepyfile(test_good="import pytest\n@pytest.mark.critical\ndef test_good(): pass")
    result = pytester.runpython(script)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()


def test_other_modules_are_left_to_others() -> None:
    assert OwnModules.find_spec("pytest_deploygate") is None
    assert OwnModules.find_spec("pytest_deploygate_extra.sub") is None
    assert OwnModules.find_spec("gate_checks.criteria") is None
