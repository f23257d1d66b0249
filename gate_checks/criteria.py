"""The fourteen criteria, as data.

The numbers in brackets are the chapters of the Go/No-Go document that define the rule.
The application must export ``http_requests_total{status}``, ``llm_brief_total{mode,status}``,
``llm_schema_fix_count_total{mode,original_model}``, ``llm_brief_latency_seconds_bucket{mode,le}``,
``rl_reward_ma{algorithm,window}``, ``rl_loss{algorithm,loss_type}`` and
``cache_hit_rate{mode,cache_type}``, from one instance or many.

A series whose value is NaN and that has the label ``without_label`` names an instance whose
traffic does not have the label that a query judges by. It is missed: the rest is judged.
"""

from __future__ import annotations

from pytest_deploygate import Criterion, Enough, Runaway, Sustained, Trend, threshold

# Two targets of one name, such as in two clusters or of a pair of Prometheus servers, are two.
TARGET = "job, instance, namespace, cluster, prometheus, prometheus_replica, replica"
# What has a latency of its own: not an instance, because one slow pod of forty is not a slow
# service, but each version, region or job.
SERVICE = "job, namespace, cluster, region, version, prometheus, prometheus_replica, replica"


def _lacking(label: str, traffic: str) -> str:
    """NaN for each instance with traffic that lacks the label."""
    return f"""\
label_replace(
  sum by ({TARGET}) ({traffic} > 0) * NaN,
  "without_label", "{label}", "", ""
)"""


# Every job of the application, by what it exposed within the last hour. A job that has ended
# altogether counts as 0, unless others now expose every metric that it exposed: then it was
# renamed. The counter of failures begins with the first failure: a new job does not have it yet.
# A training may end: a job that exposed nothing else does not count.
JOB = "job, namespace, cluster"
_SERVED = "http_requests_total|llm_brief_total|llm_brief_latency_seconds_bucket|cache_hit_rate"
_FAILED = "llm_schema_fix_count_total"
_TRAINED = "rl_reward_ma|rl_loss"
_ONE_BUCKET = 'le=~"|[+]Inf"'  # of each histogram; other metrics have no such label
TARGETS_UP = f"""
  avg by ({JOB}) (up)
and on ({JOB})
  last_over_time({{__name__=~"{_SERVED}|{_FAILED}|{_TRAINED}",{_ONE_BUCKET}}}[1h])
or
  0 * count by ({JOB}) (
      last_over_time({{__name__=~"{_SERVED}|{_TRAINED}",{_ONE_BUCKET}}}[1h])
    and on ({JOB})
      last_over_time({{__name__=~"{_SERVED}",{_ONE_BUCKET}}}[1h])
    and on ({JOB})
      (last_over_time(up[1h]) unless on ({JOB}) up)
    unless on (cluster, __name__)
      (
          {{__name__=~"{_SERVED}|{_TRAINED}",{_ONE_BUCKET}}}
        unless on ({JOB})
          (last_over_time(up[1h]) unless on ({JOB}) up)
      )
  )
""".strip()
TARGET_DOWN = f"""
  up
and on ({JOB})
  last_over_time({{__name__=~"{_SERVED}|{_FAILED}|{_TRAINED}",{_ONE_BUCKET}}}[1h])
""".strip()

# [2.1, 3.1] Zero tolerance must count the failures that increase() does not see. For each series
# the first of these that applies is counted:
# 1. A new series (it had no sample during the day before): it begins with its first failure.
# 2. A series that was missing when the window began, although its instance was up: a failure has
#    created it again. This counts even if the series is gone again.
# 3. A series with fewer samples than its instance: a restart removed it, and a failure created it
#    again. A series at zero does not count here.
# 4. What increase() sees.
# 5. The growth of a counter while nothing was scraped.
# 6. A series that appeared within the window, although its instance was up a minute earlier.
# Without any failure there is no series to divide. Then the result is zero failures, if briefs
# were counted and still are.
SCHEMA_FAILURE_RATE = f"""
  (
    sum by (mode, original_model) (
        (
            max_over_time(llm_schema_fix_count_total[30m])
          unless
            present_over_time(llm_schema_fix_count_total[1d] offset 30m)
        )
      or
        (
            (
                max_over_time(llm_schema_fix_count_total[30m])
              unless
                llm_schema_fix_count_total offset 30m
            )
          and on ({TARGET})
            min by ({TARGET}) (up offset 30m) == 1
        )
      or
        (
            llm_schema_fix_count_total > 0
          and
            count_over_time(llm_schema_fix_count_total[30m])
            < on ({TARGET}) group_left ()
            min by ({TARGET}) (sum_over_time(up[30m]))
        )
      or
        increase(llm_schema_fix_count_total[30m]) > 0
      or
        abs(
            (max_over_time(llm_schema_fix_count_total[30m]) > 0)
          -
            last_over_time(llm_schema_fix_count_total[1d] offset 30m)
        ) > 0
      or
        sum_over_time(
          (
              llm_schema_fix_count_total > 0
            unless
              llm_schema_fix_count_total offset 1m
            and on ({TARGET})
              min by ({TARGET}) (up offset 1m) == 1
          )[30m:1m]
        )
    ) > 0
  )
/ on () group_left ()
  (sum(increase(llm_brief_total[30m])) > 0 or vector(1))
or on ()
  0 * (sum(increase(llm_brief_total[30m]) and llm_brief_total) > 0)
""".strip()


# [2.2] A service without failures has no 5xx series. That is zero errors, if there was traffic.
# The first failure of an instance creates its series, with a value that rate() does not see. A
# series that has fewer samples than its instance, and had none when the window began, is born: it
# counts from zero.
def _counted(selector: str) -> str:
    return f"""\
(
      max_over_time({selector}[5m]) / 300
    unless
      present_over_time({selector}[2m] offset 5m)
    and
      count_over_time({selector}[5m])
      < on ({TARGET}) group_left ()
      max by ({TARGET}) (count_over_time(http_requests_total[5m]))
  or
      rate({selector}[5m])
)"""


API_ERROR_RATE = f"""
  (sum{_counted('http_requests_total{status=~"5.."}')} or vector(0))
/
  sum{_counted('http_requests_total{status!=""}')}
or
  {_lacking("status", 'rate(http_requests_total{status=""}[5m])')}
""".strip()
API_CULPRIT = f"""
  sum by ({TARGET}){_counted('http_requests_total{status=~"5.."}')}
/
  sum by ({TARGET}){_counted('http_requests_total{status!=""}')}
""".strip()

# So few requests prove nothing; off unless a team sets the thresholds.
ENOUGH_REQUESTS = Enough(
    "sum(increase(http_requests_total[5m]))", at_least=threshold("api_requests_min", 0)
)


def _enough_briefs(mode: str) -> Enough:
    counted = f'increase(llm_brief_latency_seconds_bucket{{mode="{mode}",le="+Inf"}}[5m])'
    return Enough(
        f"sum by (mode, {SERVICE}) ({counted})",
        at_least=threshold("brief_requests_min", 0),
    )


# [2.3] One p95 for the service, from the buckets that all of its instances have. ">= -Inf" keeps
# every number, and drops the NaN of a service without requests.
_BUCKETS = 'rate(llm_brief_latency_seconds_bucket{{mode="{mode}"}}[5m])'
_INSTANCES = 'rate(llm_brief_latency_seconds_bucket{{mode="{mode}",le="+Inf"}}[5m])'
_LAYOUT = f"le, mode, {SERVICE}"
P95_FOR_LONG = f"""
  histogram_quantile(
    0.95,
      sum by ({_LAYOUT}) ({_BUCKETS})
    and on ({_LAYOUT})
      (
          count by ({_LAYOUT}) ({_BUCKETS})
        == on (mode, {SERVICE}) group_left ()
          count by (mode, {SERVICE}) ({_INSTANCES})
      )
  ) >= -Inf
""".strip()
P95 = f"""
  {P95_FOR_LONG}
or
  {_lacking("mode", 'rate(llm_brief_latency_seconds_bucket{{mode="",le="+Inf"}}[5m])')}
""".strip()
P95_CULPRIT = f"histogram_quantile(0.95, {_BUCKETS}) >= -Inf"

# [4.2] ">= -Inf" keeps every number, and drops the NaN of a cache without requests.
HIT_RATE = """
  cache_hit_rate{{mode="{mode}"}} >= -Inf
or
  label_replace(cache_hit_rate{{mode=""}} * NaN, "without_label", "mode", "", "")
""".strip()

# [3.4] For each GPU, from NVIDIA's exporter or from DCGM's.
VRAM_FREE_SHARE = """
  nvidia_gpu_memory_free_bytes / nvidia_gpu_memory_total_bytes
or
  DCGM_FI_DEV_FB_FREE / (DCGM_FI_DEV_FB_FREE + DCGM_FI_DEV_FB_USED)
""".strip()

# [4.2] The node exporter for each machine; cAdvisor in a cluster without a node exporter. Idle time
# is divided by the time of all modes, not by five minutes: a new machine has run for less.
MACHINE = f"{TARGET}, node, region"
CPU_USAGE = f"""
  1
  - sum without (cpu, mode) (rate(node_cpu_seconds_total{{mode="idle"}}[5m]))
  / sum without (cpu, mode) (rate(node_cpu_seconds_total[5m]))
or on (cluster)
  sum by ({MACHINE}) (rate(container_cpu_usage_seconds_total{{id="/"}}[5m]))
  / sum by ({MACHINE}) (machine_cpu_cores)
""".strip()
MEMORY_USAGE = f"""
  1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes
or on (cluster)
  sum by ({MACHINE}) (container_memory_working_set_bytes{{id="/"}})
  / sum by ({MACHINE}) (machine_memory_bytes)
""".strip()

TARGETS = [
    Criterion(
        id="targets_up",
        title="Targets Up",
        query=TARGETS_UP,
        severity="critical",
        at_least=threshold("targets_up_min", 0.5),
        unit="ratio",
        quantity="targets up",
        optional=True,
        culprit=TARGET_DOWN,
    ),
]

SCHEMA = [
    Criterion(
        id="schema_failure_rate",
        title="Schema Failure Rate",
        query=SCHEMA_FAILURE_RATE,
        severity="critical",
        at_most=threshold("schema_failure_rate_max", 0.0),
        unit="ratio",
        quantity="schema failures",
    ),
]

API = [
    Criterion(
        id="api_error_rate",
        title="API Error Rate",
        query=API_ERROR_RATE,
        severity="critical",
        below=threshold("api_error_rate_max", 0.005),
        unit="ratio",
        quantity="error rate",
        culprit=API_CULPRIT,
        enough=ENOUGH_REQUESTS,
    ),
]

LATENCY = [
    Criterion(
        id=f"{mode}_p95_latency",
        title=f"{mode.capitalize()} p95 Latency",
        query=P95.format(mode=mode),
        severity=severity,
        below=threshold(f"{mode}_p95_max", limit),
        unit="seconds",
        quantity="p95",
        culprit=P95_CULPRIT.format(mode=mode),
        enough=_enough_briefs(mode),
    )
    for mode, limit, severity in [
        ("fast", 2.5, "critical"),
        ("balanced", 3.2, "critical"),
        ("creative", 4.5, "warning"),
    ]
] + [
    Criterion(
        id="creative_p95_sustained",
        title="Creative p95 Sustained",
        query=P95_FOR_LONG.format(mode="creative"),
        kind=Sustained("5m"),
        severity="critical",
        at_most=threshold("creative_p95_max", 4.5),
        unit="seconds",
        quantity="p95",
        culprit=P95_CULPRIT.format(mode="creative"),
        enough=_enough_briefs("creative"),
    ),
]

RL = [
    Criterion(
        id="rl_reward_trend",
        title="RL Reward Trend",
        query='rl_reward_ma{window="100"}',
        kind=Trend("2h"),
        severity="warning",
        at_least=threshold("rl_reward_min_trend", 0.0),
        quantity="reward",
        nan_is_breach=True,
    ),
    Criterion(
        id="rl_loss_runaway",
        title="RL Loss Runaway",
        query='rl_loss{loss_type="total_loss"}',
        kind=Runaway("2h", factor=threshold("rl_loss_increase_threshold", 3.0)),
        severity="critical",
        at_most=threshold("rl_loss_max", 2.0),
        quantity="loss",
        nan_is_breach=True,
    ),
]

CACHE = [
    Criterion(
        id=f"{mode}_cache_hit_rate",
        title=f"{mode.capitalize()} Cache Hit Rate",
        query=HIT_RATE.format(mode=mode),
        severity="warning",
        at_least=threshold("cache_hit_rate_min", 0.60),
        unit="ratio",
        quantity="hit rate",
    )
    for mode in ("fast", "balanced")
]

RESOURCES = [
    Criterion(
        id="vram_headroom",
        title="VRAM Headroom",
        query=VRAM_FREE_SHARE,
        severity="critical",
        at_least=threshold("vram_headroom_min", 0.20),
        unit="ratio",
        quantity="VRAM free",
        optional=True,
    ),
    Criterion(
        id="cpu_usage",
        title="CPU Usage",
        query=CPU_USAGE,
        severity="warning",
        below=threshold("cpu_usage_max", 0.85),
        unit="ratio",
        quantity="CPU",
        optional=True,
    ),
    Criterion(
        id="memory_usage",
        title="Memory Usage",
        query=MEMORY_USAGE,
        severity="warning",
        below=threshold("memory_usage_max", 0.85),
        unit="ratio",
        quantity="memory",
        optional=True,
    ),
]
