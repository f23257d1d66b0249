"""The dashboard, built with Grafana's own library. Only ``grafana`` imports it.

Every expression stands in the panel that shows it, so that no recording rule needs to be there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, prometheus
from grafana_foundation_sdk.models import dashboard as model

from pytest_deploygate.cli.exports import states as promql
from pytest_deploygate.cli.exports import wording
from pytest_deploygate.cli.exports.exported_gate import ExportedGate
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.promql.expressions import NotExpressible, selector

VARIABLE = "datasource"
_SOURCE = common.DataSourceRef(type_val="prometheus", uid=f"${{{VARIABLE}}}")
_WIDTH = 24
_UNITS = {"": "short", "seconds": "s", "ratio": "percentunit", "bytes": "bytes"}
_BAD = {Severity.CRITICAL: "red", Severity.WARNING: "yellow"}
_COLUMNS = {"Value #A": "State", "criterion": "Check", "Value #B": "Value", "limit": "Limit"}


def render(gate: ExportedGate, title: str, uid: str) -> str:
    """The dashboard's JSON, which Grafana imports."""
    number = count(1)
    dashboard = (
        build.Dashboard(f"{title} ({gate.environment})" if gate.environment else title)
        .uid(uid)
        .description(f"Written by: {gate.command}")
        .tags(["deploygate"])
        .refresh("1m")
        .time("now-6h", "now")
        .with_variable(build.DatasourceVariable(VARIABLE).label("Prometheus").type("prometheus"))
        .with_panel(_light(gate).id(next(number)))
        .with_panel(_runs(gate).id(next(number)))
        .with_panel(_checks(gate).id(next(number)))
        .with_row(build.Row("Criteria").id(next(number)))
    )
    for criterion in gate.criteria:
        dashboard.with_panel(_criterion(criterion).id(next(number)))
    for criterion, form in gate.unexpressed:
        if form.value:
            dashboard.with_panel(_undecided(criterion, form).id(next(number)))
    return json.dumps(dashboard.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _light(gate: ExportedGate) -> stat.Panel:
    description = "The verdict of a gate run now: the worst check decides, a blind gate is NO-GO."
    description += " Not included: waivers and freezes, which hold for a deployment only."
    if gate.others:
        description += f" Not included: {gate.others} tests without a criterion."
    for why in dict.fromkeys(form.why for _, form in gate.unexpressed):
        names = [wording.title(one) for one, form in gate.unexpressed if form.why == why]
        description += f" Not included: {', '.join(names)}: {why}."
    return (
        stat.Panel()
        .title("Deployment gate")
        .description(description)
        .datasource(_SOURCE)
        .span(6)
        .height(6)
        .with_target(_query(promql.gate_state(gate.criteria)).instant())
        .reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .text_mode(common.BigValueTextMode.VALUE)
        .mappings(_states())
        .no_value("no answer")
    )


def _runs(gate: ExportedGate) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .title("Verdicts of the gate's runs")
        .description("Reports of the runs with --gate-pushgateway or --gate-metrics.")
        .datasource(_SOURCE)
        .span(_WIDTH - 6)
        .height(6)
        .with_target(_query(selector("deployment_gate_status", gate.labels)).range())
        .mappings(_states())
        .no_value("no run has reported")
    )


def _checks(gate: ExportedGate) -> table.Panel:
    """Two tables joined by criterion; title and limit are value mappings of its id."""
    states = f'label_join(\n{promql.states(gate.criteria)},\n"limit", "", "criterion"\n)'
    values = promql.by_criterion(gate.criteria, _shown_value)
    color = common.TableColoredBackgroundCellOptions(
        mode=common.TableCellBackgroundDisplayMode.BASIC
    )
    return (
        table.Panel()
        .title("Checks")
        .description("The worst series of each check, in the unit of its limit.")
        .datasource(_SOURCE)
        .span(_WIDTH)
        .height(len(gate.criteria) + 3)
        .with_target(_table("A", states))
        .with_target(_table("B", values))
        .with_transformation(_transformation("joinByField", byField="criterion", mode="outer"))
        .with_transformation(_organized())
        .override_by_name("State", [_set("mappings", _states()), _set("custom.cellOptions", color)])
        .override_by_name("Check", [_set("mappings", _texts(gate, wording.title))])
        .override_by_name("Limit", [_set("mappings", _texts(gate, _limit_and_severity))])
        .sort_by([build_common.TableSortByFieldState().display_name("State").desc(False)])
    )


def _criterion(criterion: Criterion) -> timeseries.Panel:
    form = promql.expressions_of(criterion)
    panel = _drawn(criterion, form.value).unit(_unit(criterion, per_hour=form.per_hour))
    if form.baseline:
        dashed = common.LineStyle(fill="dash", dash=[8, 8])
        panel.with_target(_query(form.baseline, "B").range().legend_format(form.baseline_title))
        panel.override_by_query("B", [_set("custom.lineStyle", dashed)])
    return panel


def _undecided(criterion: Criterion, form: NotExpressible) -> timeseries.Panel:
    """Criteria that a panel can draw, but no expression can judge."""
    why = f"Drawn, not judged: {form.why}"
    return _drawn(criterion, form.value, why).unit(_unit(criterion))


def _drawn(criterion: Criterion, value: str, *notes: str) -> timeseries.Panel:
    style = build_common.GraphThresholdsStyleConfig().mode(
        common.GraphThresholdsStyleMode.LINE_AND_AREA
    )
    return (
        timeseries.Panel()
        .title(f"{wording.title(criterion)} ({wording.limit(criterion)})")
        .description("\n\n".join([wording.rule(criterion), *wording.caveats(criterion), *notes]))
        .datasource(_SOURCE)
        .span(_WIDTH // 3)
        .height(8)
        .fill_opacity(0)
        .legend(_legend())
        .thresholds(_limit(criterion))
        .thresholds_style(style)
        .with_target(_query(value).range())
        .no_value("no data")
    )


def _legend() -> build_common.VizLegendOptions:
    shown = build_common.VizLegendOptions().show_legend(True)
    return shown.display_mode(common.LegendDisplayMode.LIST).placement(
        common.LegendPlacement.BOTTOM
    )


def _limit(criterion: Criterion) -> build.ThresholdsConfig:
    good, bad = "green", _BAD[criterion.level]
    below, above = (good, bad) if criterion.comparison.lower_is_better else (bad, good)
    steps = [model.Threshold(None, below), model.Threshold(criterion.limit, above)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _unit(criterion: Criterion, *, per_hour: bool = False) -> str:
    """Grafana's name of the unit; an unknown unit is written after the number."""
    if per_hour:
        return f"suffix: {criterion.unit}/h" if criterion.unit else "suffix:/h"
    return _UNITS.get(criterion.unit, f"suffix: {criterion.unit}")


def _shown_value(criterion: Criterion) -> str:
    """The value in the unit of its limit."""
    value = promql.value(criterion)
    return f"100 * {value}" if criterion.unit == "ratio" else value


def _limit_and_severity(criterion: Criterion) -> str:
    return f"{wording.limit(criterion)} ({criterion.level.value})"


def _query(expr: str, name: str = "A") -> Dataquery:
    return (
        Dataquery()
        .ref_id(name)
        .datasource(_SOURCE)
        .editor_mode(prometheus.QueryEditorMode.CODE)
        .legend_format("__auto")
        .expr(expr)
    )


def _table(name: str, expr: str) -> Dataquery:
    return _query(expr, name).format(prometheus.PromQueryFormat.TABLE).instant()


def _transformation(name: str, **options: object) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(id_val=name, options=options)


def _organized() -> model.DataTransformerConfig:
    return _transformation(
        "organize",
        excludeByName=dict.fromkeys(("Time", "Time 1", "Time 2"), True),
        indexByName={name: place for place, name in enumerate(_COLUMNS)},
        renameByName=_COLUMNS,
    )


def _set(name: str, value: object) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=name, value=value)


def _states() -> list[model.ValueMapping]:
    lights = [("1", "GO 🟢", "green"), ("0.5", "WARNING 🟡", "yellow"), ("0", "NO-GO 🔴", "red")]
    mapped = {
        number: model.ValueMappingResult(text=text, color=color, index=index)
        for index, (number, text, color) in enumerate(lights)
    }
    skipped = model.ValueMappingResult(text="not counted", color="text", index=len(lights))
    nan = model.DashboardSpecialValueMapOptions(model.SpecialValueMatch.NA_N, skipped)
    return [model.ValueMap(mapped), model.SpecialValueMap(nan)]


def _texts(gate: ExportedGate, of: Callable[[Criterion], str]) -> list[model.ValueMapping]:
    texts = {one.id: model.ValueMappingResult(text=of(one)) for one in gate.criteria}
    return [model.ValueMap(texts)]
