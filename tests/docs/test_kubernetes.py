"""The manifests of "Kubernetes" are valid, and what they run ends as the page says."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator

from pytest_deploygate.testing.servers import stop
from tests.docs.pages import ROOT, blocks
from tests.servers import Server, free_port, local_session

PAGE = "docs/how-to/kubernetes.md"
SCHEMAS = Path(__file__).parent / "schemas"
FILES = {
    "AnalysisTemplate": "analysis-template",
    "Canary": "flagger-canary",
    "Rollout": "rollout",
}
MANIFESTS = {
    document["kind"]: document
    for one in blocks("yaml", page=PAGE)
    for document in yaml.safe_load_all(one.text)
}
CHECK = """
import pytest

@pytest.mark.critical
def test_up(gate):
    gate.check("vector(1)", at_least={limit})
"""


def schema(kind: str) -> Draft202012Validator:
    document = json.loads((SCHEMAS / f"{FILES[kind]}.json").read_text(encoding="utf-8"))
    return Draft202012Validator(document)


def of_a_job() -> Draft202012Validator:
    """The schema of a Job's spec, which is a part of an AnalysisTemplate's."""
    found: Any = schema("AnalysisTemplate").schema
    for name in ("spec", "metrics", "provider", "job", "spec"):
        found = found["properties"][name]
        found = found.get("items", found)
    return Draft202012Validator(found)


def changed(document: Any, *path: str | int, to: Any) -> Any:
    """The same document with something else at a place."""
    other = copy.deepcopy(document)
    place = other
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return other


def test_every_manifest_is_valid() -> None:
    assert set(MANIFESTS) == {*FILES, "Job"}
    for kind in FILES:
        schema(kind).validate(MANIFESTS[kind])
    of_a_job().validate(MANIFESTS["Job"]["spec"])


@pytest.mark.parametrize(
    ("kind", "path", "to"),
    [
        ("AnalysisTemplate", ("spec", "metrics", 0, "provider", "job", "backoffLimit"), 0),
        ("AnalysisTemplate", ("spec", "metrics", 0, "failureLimit"), 0.5),
        ("Rollout", ("spec", "strategy", "canary", "steps", 0, "setWeight"), "20 %"),
        ("Canary", ("spec", "analysis", "webhooks", 0, "type"), "gate"),
        ("Canary", ("spec", "analysis", "interval"), "1h"),
    ],
)
def test_the_schemas_refuse_mistakes(kind: str, path: tuple[str | int, ...], to: Any) -> None:
    assert not schema(kind).is_valid(changed(MANIFESTS[kind], *path, to=to))


def test_nothing_repeats_a_gate_until_it_passes() -> None:
    metric = MANIFESTS["AnalysisTemplate"]["spec"]["metrics"][0]
    for job in (MANIFESTS["Job"]["spec"], metric["provider"]["job"]["spec"]):
        assert job["backoffLimit"] == 0
        assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert metric["failureLimit"] == 0
    steps = MANIFESTS["Rollout"]["spec"]["strategy"]["canary"]["steps"]
    assert {"templateName": MANIFESTS["AnalysisTemplate"]["metadata"]["name"]} in [
        template for step in steps for template in step.get("analysis", {}).get("templates", ())
    ]


@pytest.fixture(params=[(1, True), (2, False)], ids=["GO", "NO-GO"])
def planned(request: pytest.FixtureRequest, tmp_path: Path) -> bool:
    """Write a check that passes or fails; tell which."""
    limit, passes = request.param
    directory = tmp_path / "gate_checks"
    directory.mkdir()
    (directory / "test_up.py").write_text(CHECK.format(limit=limit), encoding="utf-8")
    return bool(passes)


def environment(server: Server) -> dict[str, str]:
    """The variables of a container, whose programs are those of this environment."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {**os.environ, "PATH": path, "PROMETHEUS_URL": server.url}


def test_the_script_of_the_job_ends_in_0_on_go_alone(
    planned: bool, tmp_path: Path, healthy: Server
) -> None:
    [container] = MANIFESTS["Job"]["spec"]["template"]["spec"]["containers"]
    [script] = container["args"]
    command = [*container["command"], script.replace("/tmp/", f"{tmp_path}/")]
    done = subprocess.run(command, cwd=tmp_path, env=environment(healthy), timeout=60)
    assert (done.returncode == 0) is planned


@pytest.fixture
def webhook(tmp_path: Path, healthy: Server) -> Iterator[str]:
    """The example's webhook, listening."""
    port = free_port()
    script = str(ROOT / "examples" / "kubernetes" / "webhook.py")
    command = [sys.executable, script, "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(healthy))
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait_for(url)
        yield url
    finally:
        stop(process)


def _wait_for(url: str) -> None:
    with local_session() as session:
        for _ in range(200):
            try:
                session.get(url, timeout=1)
                return
            except requests.ConnectionError:
                time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


def test_the_webhook_answers_as_flagger_expects(planned: bool, webhook: str) -> None:
    with local_session() as session:
        answer = session.post(webhook, json={"name": "shop", "phase": "Progressing"}, timeout=60)
    assert answer.status_code == (200 if planned else 403)
    assert ("Up: 1, limit 2" in answer.text) is not planned
