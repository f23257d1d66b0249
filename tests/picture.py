"""Make the README's picture of the page, ``docs/page.png``: ``python -m tests.picture``.

A production that is in trouble is put into a real Prometheus, the shipped criteria are run on it
with ``--gate-html``, and Debian's chromium takes the picture.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser import chromium
from tests.production import Production, openmetrics, production
from tests.servers import prometheus

END = 1_790_000_000.0
CONFIGURATION = """
[env.production.thresholds]
creative_p95_max = 4.6
"""
PICTURE = Path(__file__).parent.parent / "docs" / "page.png"


def troubled(state: Production) -> Production:
    """One instance has become slow, and another one's cache has gone cold; no GPU is watched."""
    return (
        state.with_latency("creative", slower, instance="app-1:8000")
        .with_values("cache_hit_rate", colder, mode="balanced", instance="app-2:8000")
        .with_values("rl_loss", lambda age: 0.45 + 0.05 * math.sin(age / 300))
        .with_error_rate(lambda age: 0.002 + 0.001 * math.sin(age / 700))
        .without("nvidia_gpu_memory_free_bytes")
        .without("DCGM_FI_DEV_FB_FREE")
    )


def slower(age: float) -> float:
    """4.2 s, and 5.4 s since a quarter of an hour."""
    return 4.2 + 0.15 * math.sin(age / 400) if age > 1500 else 4.2 + min(1.2, (1500 - age) / 600)


def colder(age: float) -> float:
    """65 %, and falling to 50 % since forty minutes."""
    return 0.645 - 0.15 * min(1.0, max(0.0, 2400 - age) / 1800) + 0.01 * math.sin(age / 200)


def no_go_page(directory: Path, url: str) -> Path:
    """Run the gate on the server, which holds a production in trouble, and return the page."""
    page, configuration = directory / "page.html", directory / "deploygate.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "deploygate", "-p", "no:cacheprovider"]
    command += ["--pyargs", "gate_checks", f"--gate-at={END}", f"--prometheus-url={url}"]
    command += [f"--gate-config={configuration}", "--gate-env=production", f"--gate-html={page}"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 2:
        raise RuntimeError(f"no NO-GO but {done.returncode}:\n{done.stdout}{done.stderr}")
    return page


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with prometheus(openmetrics(troubled(production(END))), directory) as server:
            page = no_go_page(directory, server.url)
            text = page.read_text(encoding="utf-8").replace(str(directory), "/srv/shop")
            page.write_text(text.replace(server.url, "http://prometheus:9090"), encoding="utf-8")
        with chromium(directory / "profile") as browser:
            browser.open(page, width=1200, height=1090)
            PICTURE.write_bytes(browser.picture())
    print(f"{PICTURE}: {PICTURE.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
