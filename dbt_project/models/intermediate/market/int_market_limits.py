"""Grain: one row per metric, source system, period, what is held together, and member."""

from assets.scoring.funnel_plots import compared_within

GROUP = ("metric", "source_system", "period_kind", "period_start_date", "held_together")


def model(dbt, session):
    dbt.config(materialized="table")
    return compared_within(dbt.ref("int_market_cases").order("all").to_arrow_table(), GROUP)
