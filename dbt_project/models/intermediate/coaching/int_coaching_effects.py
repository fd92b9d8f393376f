"""Grain: one row per source system and coached step of the funnel, `all` for all steps together."""

from assets.scoring.coaching_effects import effects


def model(dbt, session):
    dbt.config(materialized="table")
    return effects(dbt.ref("int_rep_step_weeks").order("all").df())
