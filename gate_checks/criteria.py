"""The thirteen criteria, as data.

The numbers in brackets are the chapters of the Go/No-Go document that define the rule.
The application must export ``http_requests_total{status}``, ``llm_brief_total{mode,status}``,
``llm_schema_fix_count_total{mode,original_model}``, ``llm_brief_latency_seconds_bucket{mode,le}``,
``rl_reward_ma{algorithm,window}``, ``rl_loss{algorithm,loss_type}`` and
``cache_hit_rate{mode,cache_type}``, from one instance or many.
"""

from __future__ import annotations

from pytest_deploygate import Criterion, Runaway, Sustained, Trend, threshold

# [2.1, 3.1] Zero tolerance must count the failures that increase() does not see. For each series
# the first of these that applies is counted:
# 1. A new series (it had no sample during the day before): it begins with its first failure.
# 2. A series that was missing when the window began, although its instance was up: a failure has
#    created it again. This counts even if the series is gone again.
# 3. A series with fewer samples than its instance: a restart removed it, and a failure created it
#    again. A series at zero does not count here.
# 4. What increase() sees.
# 5. The growth of a counter while nothing was scraped.
# If instances in two clusters have the same name, they count as up only where both are up.
# Without any failure there is no series to divide. Then the result is zero failures, if briefs
# were counted and still are.
SCHEMA_FAILURE_RATE = """
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
          and on (job, instance)
            min by (job, instance) (up offset 30m) == 1
        )
      or
        (
            llm_schema_fix_count_total > 0
          and
            count_over_time(llm_schema_fix_count_total[30m])
            < on (job, instance) group_left ()
            min by (job, instance) (sum_over_time(up[30m]))
        )
      or
        increase(llm_schema_fix_count_total[30m]) > 0
      or
        abs(
            (max_over_time(llm_schema_fix_count_total[30m]) > 0)
          -
            last_over_time(llm_schema_fix_count_total[1d] offset 30m)
        )
    ) > 0
  )
/ on () group_left ()
  (sum(increase(llm_brief_total[30m])) > 0 or vector(1))
or on ()
  0 * (sum(increase(llm_brief_total[30m]) and llm_brief_total) > 0)
""".strip()

# [2.2] A service without failures has no 5xx series. That is zero errors, if there was traffic.
API_ERROR_RATE = """
  (
      sum(rate(http_requests_total{status=~"5.."}[5m]))
    or
      0 * sum(rate(http_requests_total[5m]))
  )
/
  sum(rate(http_requests_total[5m]))
""".strip()

# [2.3] One p95 for each instance. ">= -Inf" keeps every number, and drops the NaN of an instance
# without requests.
P95 = (
    'histogram_quantile(0.95, rate(llm_brief_latency_seconds_bucket{{mode="{mode}"}}[5m])) >= -Inf'
)
LATENCY_BUCKETS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)

# [4.2] ">= -Inf" keeps every number, and drops the NaN of a cache without requests.
HIT_RATE = 'cache_hit_rate{{mode="{mode}"}} >= -Inf'

# [3.4] For each GPU, from NVIDIA's exporter or from DCGM's.
VRAM_FREE_SHARE = """
  nvidia_gpu_memory_free_bytes / nvidia_gpu_memory_total_bytes
or
  DCGM_FI_DEV_FB_FREE / (DCGM_FI_DEV_FB_FREE + DCGM_FI_DEV_FB_USED)
""".strip()

# [4.2] The node exporter for each machine; cAdvisor if there is no node exporter at all. Idle time
# is divided by the time of all modes, not by five minutes: a new machine has run for less.
CPU_USAGE = """
  1
  - sum by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))
  / sum by (instance) (rate(node_cpu_seconds_total[5m]))
or on ()
  sum by (instance) (rate(container_cpu_usage_seconds_total{id="/"}[5m]))
  / sum by (instance) (machine_cpu_cores)
""".strip()
MEMORY_USAGE = """
  1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes
or on ()
  sum by (instance) (container_memory_working_set_bytes{id="/"})
  / sum by (instance) (machine_memory_bytes)
""".strip()

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
        buckets=LATENCY_BUCKETS,
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
        query=P95.format(mode="creative"),
        kind=Sustained("5m"),
        severity="critical",
        at_most=threshold("creative_p95_max", 4.5),
        unit="seconds",
        quantity="p95",
        buckets=LATENCY_BUCKETS,
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
