"""Grain: one row per source system, grouping, group and measure."""

from assets.scoring.change_effects import pooled


def model(dbt, session):
    dbt.config(materialized="table")
    effects = dbt.ref("fct_product_change_effects").order("measure, product_change_id").df()
    return pooled(effects)
