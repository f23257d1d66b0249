"""The page about the beginning shows what the command prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_deploygate import cli
from tests.conftest import END
from tests.docs.pages import block
from tests.production import openmetrics
from tests.real.services import CONVENTIONS, machine, service
from tests.servers import prometheus

PAGE = "docs/how-to/begin.md"


def test_the_output_is_what_the_command_prints(
    tmp_path: Path, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = service(END, CONVENTIONS["python"].entries())
    state = replace(shop, series=(*shop.series, *service(END, machine(), job="node").series))
    with prometheus(openmetrics(state), tmp_path) as server:
        assert cli.main(["init", f"--prometheus-url={server.url}", f"--gate-at={END}"]) == 0
    shown = capsys.readouterr().out.replace(server.url, "http://prometheus:9090")
    assert shown == block("text", page=PAGE)
