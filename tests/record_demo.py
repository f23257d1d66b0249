"""Record the evidence that ships with the package: ``python -m tests.record_demo``.

Three states of production are put into a real Prometheus, and the shipped criteria are run on
each with ``--gate-record``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.production import Counter, Production, openmetrics, production
from tests.servers import prometheus

END = 1_790_000_000.0
APART = 2 * 86_400.0
EVIDENCE = Path(__file__).parent.parent / "pytest_deploygate" / "sources" / "demo"


def states() -> dict[str, Production]:
    """A healthy service, one with two blemishes, and one that must not be deployed on."""
    return {
        "go": production(END).with_error_rate(0.00234),
        "warning": production(END + APART)
        .with_values("cache_hit_rate", 0.52, mode="fast")
        .with_latency("creative", lambda age: 4.8 if age < 240 else 4.2),
        "no-go": production(END + 2 * APART)
        .with_latency("creative", lambda age: 4.9 if age < 1500 else 4.2)
        .with_series(
            "llm_schema_fix_count_total",
            {"mode": "balanced", "original_model": "m-2", "instance": "app-1:8000"},
            Counter(0, start=1, born=300),
        )
        .with_values(
            "rl_loss",
            lambda age: 1.9 if age < 600 else 0.45,
            loss_type="total_loss",
        ),
    }


def main() -> None:
    """Write the three files."""
    recorded = states()
    with tempfile.TemporaryDirectory() as directory:
        text = openmetrics(*recorded.values())
        with prometheus(text, Path(directory)) as server:
            for name, state in recorded.items():
                record(name, state.end, server.url)


def record(name: str, at: float, url: str) -> None:
    """Run the gate at a time, and keep what it asked."""
    with tempfile.TemporaryDirectory() as directory:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "deploygate",
            "-p",
            "no:cacheprovider",
        ]
        command += ["--pyargs", "gate_checks", f"--prometheus-url={url}", f"--gate-at={at}"]
        command += [f"--gate-record={EVIDENCE / name}.json", "--gate-html=page.html"]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    print(f"{name}: exit code {done.returncode}")


if __name__ == "__main__":
    main()
