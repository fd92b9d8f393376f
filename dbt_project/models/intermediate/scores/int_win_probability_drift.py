"""Grain: one row per model that speaks, slice and measure."""

from assets.scoring.champions import home_of
from assets.scoring.opportunity_scores import Deals, drift


def model(dbt, session):
    dbt.config(materialized="table")
    dbt.ref("int_win_probability_models")  # which trains what is due
    deals = Deals(
        dbt.ref("int_opportunity_features"),
        dbt.ref("int_score_answers"),
        dbt.ref("int_qualification_scorecards"),
        dbt.ref("fct_opportunities"),
        dbt.ref("stg_run_settings"),
    )
    return drift(home_of(session), deals)
