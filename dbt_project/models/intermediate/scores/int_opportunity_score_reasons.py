"""Grain: one row per open opportunity of which a model speaks, direction and rank."""

from assets.scoring.champions import home_of
from assets.scoring.opportunity_scores import Deals, reasons


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
    return reasons(home_of(session), deals)
