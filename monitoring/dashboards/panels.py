"""The few kinds of panel that the dashboards are made of, in Grafana's own types. Knows how a panel looks, not what it shows.

An expression is PromQL in which `$model` and `$instance` stand for what the reader chose.
"""

from collections.abc import Mapping, Sequence
from itertools import count

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
Panel = timeseries.Panel | stat.Panel | heatmap.Panel
Limits = Sequence[tuple[float, str]]
"""Values from which on a colour holds; below the first it is green."""

PUZZLES, ERRORS, STEPS = "suffix: puzzles/s", "suffix: errors/s", "suffix: steps/s"
"""Units that Grafana has no name for."""

QUANTILES = (0.5, 0.95, 0.99)
MODEL = 'model=~"$model",instance=~"$instance"'
INSTANCE = 'instance=~"$instance"'


def quantiles(metric: str, labels: str, by: str = "") -> dict[str, str]:
    """Expressions of p50, p95 and p99 of a histogram, by legend; `by` is one label to tell apart."""
    inner = f"sum by ({', '.join(('le', by) if by else ('le',))}) (rate({metric}_bucket{{{labels}}}[$__rate_interval]))"
    return {f"p{q * 100:g}{f' {{{{{by}}}}}' if by else ''}": f"histogram_quantile({q}, {inner})" for q in QUANTILES}


def lines(
    title: str, unit: str, queries: dict[str, str], about: str, *, limits: Limits = (), width: int = 8, stacked: bool = False, top: float | None = None
) -> Panel:
    """Curves over time; `queries` are expressions by legend. Limits are drawn as lines."""
    panel = timeseries.Panel().min(0).fill_opacity(25 if stacked else 8).show_points(common.VisibilityMode.AUTO).span_nulls(False)
    panel.legend(common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM).show_legend(True))
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if top is not None:
        panel.max(top)
    if limits:
        panel.thresholds(_thresholds(limits))
        panel.thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED))
    return _filled(panel, title, unit, queries, about, width, 8)


def number(
    title: str, unit: str, query: str, about: str, *, limits: Limits = (), width: int = 4, first: str = "green", words: Mapping[str, str] | None = None
) -> Panel:
    """One figure, coloured by its limits (`first` below them); `words` stand for values that are shown as such."""
    panel = stat.Panel().graph_mode(common.BigValueGraphMode.AREA).color_mode(common.BigValueColorMode.VALUE)
    panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"])).thresholds(_thresholds(limits, first))
    if words:
        panel.mappings([models.ValueMap(options={value: models.ValueMappingResult(text=word) for value, word in words.items()})])
    return _filled(panel, title, unit, {"": query}, about, width, 4)


def heat(title: str, query: str, about: str, *, unit: str = "short", width: int = 12) -> Panel:
    """A histogram over time: colour is how many, height is the bucket. `query` is by `le`."""
    panel = heatmap.Panel().calculate(False).show_tooltip().show_y_histogram()
    panel.color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
    panel.y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
    target = _query("{{le}}", query, "A").format(PromQueryFormat.HEATMAP)
    return panel.title(title).description(about).datasource(SOURCE).span(width).height(8).with_target(target)


def board(uid: str, title: str, about: str, rows: dict[str, list[Panel]], *, by_model: bool) -> models.Dashboard:
    """A dashboard of titled rows, with the choice of data source, instance and perhaps model."""
    made = dashboard.Dashboard(title).uid(uid).description(about).tags(["trm-serve"]).timezone("browser").time("now-1h", "now").refresh("30s")
    made.tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
    made.link(dashboard.DashboardLink("TRM Serve").type(models.DashboardLinkType.DASHBOARDS).tags(["trm-serve"]).keep_time(True).include_vars(True))
    made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for name in ("instance", "model")[: 1 + by_model]:
        made.with_variable(_choice(name))
    numbers = count(1)
    for row, panels in rows.items():
        made.with_row(dashboard.Row(row).id(next(numbers)))
        for panel in panels:
            made.with_panel(panel.id(next(numbers)))
    return made.build()


def _choice(name: str) -> dashboard.QueryVariable:
    query = f"label_values(trm_model_info, {name})"
    variable = dashboard.QueryVariable(name).label(name.capitalize()).datasource(SOURCE).query(query)
    return (
        variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".+").sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _filled(panel: timeseries.Panel | stat.Panel, title: str, unit: str, queries: dict[str, str], about: str, width: int, height: int) -> Panel:
    panel.title(title).description(about).unit(unit).datasource(SOURCE).span(width).height(height)
    for letter, (legend, expression) in zip("ABCDEFGH", queries.items(), strict=False):
        panel.with_target(_query(legend, expression, letter))
    return panel


def _query(legend: str, expression: str, letter: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend or "__auto").ref_id(letter).datasource(SOURCE).range()


def _thresholds(limits: Limits, first: str = "green") -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=first), *(models.Threshold(value=value, color=color) for value, color in limits)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
