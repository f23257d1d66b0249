"""The files that ``deploygate init`` writes, as text made from what was found."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_deploygate.cli.init.server import Found, Slowness, job_matcher
from pytest_deploygate.cli.templates import rendered
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.text import value_text

SERVICES = "gate_checks/test_service_health.py"
MACHINES = "gate_checks/test_machine_health.py"
SETTINGS = "deploygate.toml"
_NICE = (1, 2, 5, 10)
# The id, the threshold and its default of each check in the template.
_MACHINES = {
    "cpu": ("machine_cpu", "machine_cpu_max", "0.85"),
    "memory": ("machine_memory", "machine_memory_max", "0.85"),
    "disk": ("machine_disk", "machine_disk_free_min", "0.05"),
}


class Written(NamedTuple):
    """The texts by path, and the ids of the checks in them by path."""

    texts: Mapping[str, str]
    checks: Mapping[str, Sequence[str]]


def files(found: Found | None, *, url: str = "", config: str = "", select: str = "") -> Written:
    """The files for what was found.

    Args:
        found: what the server has; None without a server.
        url: for ``prometheus-url``; empty if it is not to be written.
        config: for ``prometheus-config``, relative to the file.
        select: for ``gate-select``.
    """
    found = found or Found()
    names = _Names()
    errors = [_error(one, names, alone=len(found.errors) == 1) for one in found.errors]
    latencies = [_latency(one, names, alone=len(found.slowness) == 1) for one in found.slowness]
    windows = [*(one.window for one in found.errors), *(one.window for one in found.slowness)]
    window = max(windows, default=300.0)
    services = _rendered(
        "test_service_health.py.jinja",
        errors=errors,
        latencies=latencies,
        quantiles=[one for one in latencies if one["form"] == "p95"],
        means=[one for one in latencies if one["form"] == "mean"],
        up=_up(found) if found.has_targets else None,
        # A job must not vanish from the answer. That needs targets, and a label that names the job.
        watched=bool(found.jobs) and all(one["jobs"] for one in (*errors, *latencies)),
        window=spoken(window),
        seconds=f"{window:.0f}",
        before=spoken(0.4 * window),
    )
    texts = {SERVICES: services}
    up = ["targets_up"] if found.has_targets else []
    checks = {SERVICES: [*up, *(one["id"] for one in (*errors, *latencies))]}
    limits = [(f"{id_}_min", "0.5") for id_ in up]
    limits += [(f"{one['id']}_max", "0.01") for one in errors]
    limits += [(f"{one['id']}_max", one["limit"]) for one in latencies]
    if found.machines:
        texts[MACHINES] = _rendered(
            "test_machine_health.py.jinja",
            machines=found.machines,
            window=spoken(found.machine_window),
        )
        checks[MACHINES] = [_MACHINES[what][0] for what in found.machines]
        limits += [(_MACHINES[what][1], _MACHINES[what][2]) for what in found.machines]
    texts[SETTINGS] = _rendered(
        "deploygate.toml.jinja",
        url=_toml(url),
        config=_toml(config),
        select=_toml(select),
        ids=[json.dumps(id_) for ids in checks.values() for id_ in ids],
        thresholds=limits,
    )
    return Written(texts, checks)


class _Names:
    """Ids of checks, each of them once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def id(self, jobs: Sequence[str], what: str, *, alone: bool) -> str:
        """``http_p95_latency``; of one job among others ``shop_p95_latency``."""
        job = "" if alone or len(jobs) > 1 else re.sub(r"[^a-z0-9]+", "_", jobs[0].lower())
        begin = job.strip("_") or "http"
        names = (f"{begin}{number}_{what}" for number in ("", *range(2, 99)))
        found = next(name for name in names if name not in self._taken)
        self._taken.add(found)
        return found


def _up(found: Found) -> dict[str, Any]:
    jobs = found.jobs
    where = _query(job_matcher(jobs))
    absent = [_query(job_matcher((job,))) for job in jobs]
    by = ", ".join(found.up_by)
    lines = [f"avg by ({by}) (up{where})", *(f"0 * absent(up{one})" for one in absent)]
    return {
        "query": "\n  " + "\nor\n  ".join(lines) + "\n" if absent else lines[0],
        "watched": bool(absent),
        "culprit": f"up{where}",
    }


def _error(one: Any, names: _Names, *, alone: bool) -> dict[str, Any]:
    metric, label, jobs = one.requests
    id_ = names.id(jobs, "error_rate", alone=alone)
    return {
        "id": id_,
        "title": _title(id_, "error rate"),
        "metric": metric,
        "jobs": _query(job_matcher(jobs)).strip("{}"),
        "status": label,
        "by": _list(one.by),
        "target": _list(one.target),
    }


def _latency(one: Slowness, names: _Names, *, alone: bool) -> dict[str, Any]:
    latency = one.latency
    form = "p95" if latency.form == "histogram" else "mean"
    id_ = names.id(latency.jobs, f"{form}_latency", alone=alone)
    limit, remark = _limit(one)
    return {
        "id": id_,
        "title": _title(id_, f"{form} latency"),
        "metric": latency.metric,
        "jobs": _query(job_matcher(latency.jobs)).strip("{}"),
        "form": form,
        "by": _list(one.by),
        "target": _list(one.target),
        "limit": f"{limit:g}",
        "remark": remark,
        "unit": latency.unit,
        "quantity": form,
    }


def _title(id_: str, what: str) -> str:
    begin = id_.removesuffix(what.replace(" ", "_")).replace("_", " ").strip()
    return f"{'HTTP' if begin == 'http' else begin.capitalize()} {what}"


def _limit(one: Slowness) -> tuple[float, str]:
    """Twice of what it is now, rounded up, but not less than 100 ms or above all buckets."""
    latency, second = one.latency, 1000.0 if one.latency.unit == "ms" else 1.0
    if one.now is None:
        limit, remark = second, "there were no requests: is it right?"
    else:
        least = 0.1 * second if latency.unit else 0.0
        limit = max(least, _rounded_up(2 * one.now))
        remark = f"it was {value_text(one.now, latency.unit)} at first"
    if limit > one.largest:
        limit, remark = one.largest, f"{remark}; the largest bucket is {one.largest:g}"
    return limit, remark


def _rounded_up(value: float) -> float:
    """The next of 1, 2, 5, 10 ..."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((nice * power for nice in _NICE if nice * power >= value), 10 * power)


def _list(labels: Sequence[str]) -> str:
    return ", ".join(labels or ("job",))  # a label that is not there takes nothing apart


def _query(text: str) -> str:
    """Text of a query, in which a dollar is not the beginning of a variable."""
    return text.replace("$", "$$")


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text else ""


def _rendered(template: str, **values: object) -> str:
    return rendered("init/templates", template, values, {"python": _python, "block": _block})


def _python(text: str) -> str:
    """A string of Python, in double quotes if it needs no escapes then."""
    plain = text.isprintable() and not {'"', "\\"} & set(text)
    return f'"{text}"' if plain else repr(text)


def _block(text: str) -> str:
    """A string of Python over several lines."""
    doubled = text.replace("\\", r"\\")
    shown = "".join(
        one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in doubled
    )
    return '"""' + shown.replace('"""', r"\"\"\"") + '"""'
