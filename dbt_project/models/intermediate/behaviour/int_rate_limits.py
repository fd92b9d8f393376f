"""Grain: one row per metric, source system, dimension and member."""

import pyarrow as pa

from assets.scoring.funnel_plots import SCHEMA, compared

GROUP = ("metric", "source_system", "dimension")


def model(dbt, session):
    dbt.config(materialized="table")
    cases = dbt.ref("int_rate_cases")
    groups = cases.project(", ".join(GROUP)).distinct().order("all").fetchall()
    members = cases.order("all").to_arrow_table().to_pylist()
    rows = []
    for group in groups:
        own = [row for row in members if tuple(row[name] for name in GROUP) == group]
        found = compared(
            [row["rate_numerator"] for row in own], [row["rate_denominator"] for row in own]
        )
        for row, limits in zip(own, found, strict=True):
            named = {name: row[name] for name in (*GROUP, "member")}
            rows.append(named | limits)
    keys = [(name, pa.string()) for name in (*GROUP, "member")]
    return pa.Table.from_pylist(rows, schema=pa.schema([*keys, *SCHEMA]))
