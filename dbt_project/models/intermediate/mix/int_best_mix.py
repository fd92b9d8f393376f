"""Grain: one row per source system, month and product, and one per work centre of the month."""

import pyarrow as pa

from assets.scoring.best_mix import SCHEMA, mixes

MONTH = "source_system, period_month as period_start"
PRODUCTS = f"""
    {MONTH}, product_id, coalesce(unit_throughput, 0) as throughput_amount,
    cast(least_quantity as double) as least_quantity,
    cast(most_quantity as double) as most_quantity
"""
HOURS = f"{MONTH}, product_id, work_center_id, hours_per_good_unit"
CAPACITIES = f"{MONTH}, work_center_id, work_center_name, available_hours"


def model(dbt, session):
    dbt.config(materialized="table")
    products = dbt.ref("int_best_mix_products").project(PRODUCTS)
    hours = dbt.ref("int_best_mix_hours").project(HOURS)
    capacities = dbt.ref("int_best_mix_capacities").project(CAPACITIES)
    rows = mixes(*(each.to_arrow_table().to_pylist() for each in (products, hours, capacities)))
    return pa.Table.from_pylist(rows, schema=SCHEMA)
