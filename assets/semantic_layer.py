"""The semantic layer: a metric by its registered name, by any month and group, as published.

Belongs here: asking MetricFlow for the SQL of a question, in process, and running it on the
published version, which is only read. Does not belong here: what a metric is
(`dbt_project/models/semantic_layer`, the registry `seeds/metrics.csv`).

MetricFlow adds up over the rows of a mart what the mart has beside each rate, so that a month of
all segments is as right as one segment. What the marts hold back is held back here: below the
floor of cases there is no rate, and a figure that means nothing across the values of a column (the
three bases of a delivery) is not given without it.
"""

import difflib
import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from assets.dbt import SEMANTIC_MANIFEST, prepared_manifest
from assets.landing.checking import literal
from assets.reports.published import published
from assets.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

TIME = re.compile(r"metric_time__(day|week|month|quarter|year)")


@dataclass(frozen=True)
class Metric:
    """A registered metric as the layer serves it.

    `told_per`: what a question must group by or filter on. `cases`, `min_n`: the metric that
    counts its cases, and how few of them are too few. `empty_reason`: why it is NULL nevertheless.
    `is_ratio`: numerator and denominator stand beside it.
    """

    name: str
    definition: str
    unit: str
    told_per: tuple[str, ...]
    cases: str | None
    min_n: int
    empty_reason: str
    is_ratio: bool


@functools.cache
def metrics() -> dict[str, Metric]:
    """What can be asked for, by name."""
    found = {}
    for metric in sorted(_manifest().metrics, key=lambda metric: metric.name):
        meta = metric.config.meta if metric.config else {}
        if "unit" in meta:  # the others are what these are made of
            found[metric.name] = Metric(
                metric.name,
                metric.description,
                meta["unit"],
                tuple(meta.get("told_per", ())),
                meta.get("cases"),
                int(meta.get("min_n", 0)),
                meta.get("empty_reason", "nothing to divide by"),
                metric.type.value == "ratio",
            )
    return found


@functools.cache
def groups() -> dict[str, str]:
    """What metrics can be grouped by beside `metric_time__<grain>`: name → MetricFlow's name."""
    found: dict[str, str] = {}
    for model in _manifest().semantic_models:
        found |= {entity.name: entity.name for entity in model.entities}
        for dimension in model.dimensions:
            # months are asked for as metric_time, whatever a mart calls them
            if dimension.name != model.defaults.agg_time_dimension:
                day = "__day" if dimension.type.value == "time" else ""
                found[dimension.name] = f"{model.primary_entity}__{dimension.name}{day}"
    return dict(sorted(found.items()))


def query(
    settings: Settings,
    names: Sequence[str],
    group_by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    since: date | None = None,
    until: date | None = None,
) -> "pa.Table":
    """Metrics of what is published, a row per group, ordered by what they are grouped by.

    `group_by` takes `metric_time__month` (or day, week, quarter, year) and the names of `groups()`;
    `where` keeps the rows with these values; `since` and `until` are days, both inclusive.

    A metric that needs cases has `<metric>_suppressed_reason` beside it, a ratio its
    `<metric>_numerator` and `<metric>_denominator` as well. NULL where there is nothing to divide
    by, and below the floor of cases.

    Raises:
        LookupError: nothing is published, or it was published without what the layer reads.
        ValueError: a metric or group that is not there, or that do not go together.
    """
    import duckdb

    where = where or {}
    asked = [_known(name, metrics(), "metric") for name in names]
    by = [name if TIME.fullmatch(name) else _known(name, groups(), "group") for name in group_by]
    kept = {_known(name, groups(), "group"): value for name, value in where.items()}
    for metric in asked:
        if lacking := [name for name in metric.told_per if name not in {*group_by, *where}]:
            raise ValueError(
                f"{metric.name} means nothing across all values of {' and '.join(lacking)}: group"
                f" by it or choose one value (--by {lacking[0]} or --where {lacking[0]}=…)"
            )
    sql = _sql(asked, by, kept, since, until)
    with published(settings) as marts:
        marts.connection.execute("set enable_external_access = false")
        try:
            found = marts.connection.sql(sql)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise LookupError(
                f"what is published lacks what the layer reads, `make run` first: {error}"
            ) from error
        # sums of whole numbers are wider than readers know how to take, and months are days
        narrow = {"HUGEINT": "bigint", "TIMESTAMP": "date"}
        cast = [
            f'"{column}"::{narrow.get(str(type_), type_)} as "{column}"'
            for column, type_ in zip(found.columns, found.types, strict=True)
        ]
        shown = [f'"{plain}" as "{name}"' for plain, name in zip(by, group_by, strict=True)]
        shown += [column for metric in asked for column in _columns(metric)]
        order = "order by all" if group_by else ""
        return marts.connection.sql(
            f"select {', '.join(shown)} from (select {', '.join(cast)} from ({sql})) {order}"
        ).to_arrow_table()


def _known(name: str, known: Mapping[str, Any], what: str) -> Any:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    raise ValueError(f"no {what} {name}" + (f"; do you mean {near[0]}?" if near else ""))


def _columns(metric: Metric) -> list[str]:
    """The metric as marts show it: its parts, itself, and why it is NULL."""
    name = metric.name
    if not (metric.cases or metric.is_ratio):
        return [name]
    few = (
        f"when coalesce({metric.cases}, 0) = 0 then 'no cases'"
        f" when {metric.cases} < {metric.min_n} then 'fewer than {metric.min_n} cases'"
        if metric.cases
        else ""
    )
    why = f"case {few} when {name} is null then '{metric.empty_reason}' end"
    return [
        *((f"{name}_numerator", f"{name}_denominator") if metric.is_ratio else ()),
        f"case when {why} is null then round({name}, 9) end as {name}",
        f"{why} as {name}_suppressed_reason",
    ]


def _sql(
    asked: Sequence[Metric],
    by: Sequence[str],
    kept: Mapping[str, str],
    since: date | None,
    until: date | None,
) -> str:
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest
    from metricflow_semantics.errors.error_classes import InvalidQueryException

    wanted: dict[str, None] = {}
    for metric in asked:
        parts = (f"{metric.name}_numerator", f"{metric.name}_denominator")
        wanted |= dict.fromkeys((metric.name, *(parts if metric.is_ratio else ())))
        wanted |= {metric.cases: None} if metric.cases else {}
    request = MetricFlowQueryRequest.create(
        metric_names=list(wanted),
        group_by_names=list(by),
        where_constraints=[_condition(name, value) for name, value in kept.items()],
        time_constraint_start=datetime.combine(since, time.min) if since else None,
        time_constraint_end=datetime.combine(until, time.min) if until else None,
    )
    try:
        return str(_engine().explain(request).sql_statement.sql)
    except InvalidQueryException as error:
        shared = {item.name for item in _engine().list_group_bys(list(wanted))}
        fit = [name for name in groups() if name in shared]
        raise ValueError(
            f"{', '.join(metric.name for metric in asked)} cannot be told by"
            f" {', '.join((*by, *kept))}; what they can be told by: {', '.join(fit)} and"
            " metric_time__<grain>, in no finer grain than the mart has"
        ) from error


def _condition(name: str, value: str) -> str:
    """One value of a group, as MetricFlow's template wants it; the value is never a template."""
    if "{" in value:
        raise ValueError(f"{value!r}: a value with a brace cannot be chosen")
    form = "Dimension('{}')" if "__" in name else "Entity('{}')"
    if name.endswith("__day"):
        name, form = name.removesuffix("__day"), "TimeDimension('{}', 'day')"
    return f"{{{{ {form.format(name)} }}}} = {literal(value)}"


@functools.cache
def _manifest() -> Any:
    """The metrics and what they read, every table where `published()` attaches it."""
    from metricflow_semantics.model.dbt_manifest_parser import (
        parse_manifest_from_dbt_generated_manifest,
    )

    manifest = json.loads(prepared_manifest().with_name(SEMANTIC_MANIFEST).read_text())
    spines = manifest["project_configuration"]["time_spines"]
    for reads in (*manifest["semantic_models"], *spines):
        node = reads["node_relation"]
        node["relation_name"] = f"published.{node['schema_name']}.{node['alias']}"
    return parse_manifest_from_dbt_generated_manifest(json.dumps(manifest))


@functools.cache
def _engine() -> Any:
    """MetricFlow, which here only writes SQL: it is given no connection."""
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    dialect = SimpleNamespace(
        sql_engine_type=SqlEngine.DUCKDB, sql_plan_renderer=DuckDbSqlPlanRenderer()
    )
    return MetricFlowEngine(SemanticManifestLookup(_manifest()), sql_client=dialect)
