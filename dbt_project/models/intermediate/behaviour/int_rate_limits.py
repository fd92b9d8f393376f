"""Grain: one row per metric, source system, dimension and member."""

from assets.scoring.funnel_plots import compared_within


def model(dbt, session):
    dbt.config(materialized="table")
    cases = dbt.ref("int_rate_cases").order("all").to_arrow_table()
    return compared_within(cases, ("metric", "source_system", "dimension"))
