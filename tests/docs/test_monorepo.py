"""The example of "Many services in one repository" runs as it is pasted."""

from __future__ import annotations

import json

import pytest

from tests import forked
from tests.conftest import END
from tests.docs.pages import block, blocks
from tests.servers import Server

PAGE = "docs/how-to/monorepo.md"


def test_a_service_is_gated_in_its_folder(
    pytester: pytest.Pytester,
    fork_server: str,
    monkeypatch: pytest.MonkeyPatch,
    healthy: Server,
) -> None:
    for one in blocks("python", page=PAGE):
        place, _, source = one.text.partition("\n")
        path = pytester.path / place.removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    root, service = pytester.path / "pyproject.toml", pytester.path / "services" / "checkout"
    root.write_text(block("toml", page=PAGE, containing="pythonpath"), encoding="utf-8")
    thresholds = block("toml", page=PAGE, containing="error_rate_max")
    (service / "deploygate.toml").write_text(thresholds, encoding="utf-8")
    monkeypatch.chdir(service)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
    forked.run_pytest(fork_server, service, "-p", "deploygate", *where)
    report = json.loads((service / "gate.json").read_text(encoding="utf-8"))
    assert report["configuration"].endswith("services/checkout/deploygate.toml")
    [check] = report["checks"]
    assert (check["id"], check["threshold"]) == ("checkout_error_rate", 0.02)
