"""Grain: one row per source system and model that was ever decided on."""

from assets.scoring.champions import home_of
from assets.scoring.opportunity_scores import Deals, models


def model(dbt, session):
    dbt.config(materialized="table")
    deals = Deals(
        dbt.ref("int_opportunity_features"),
        dbt.ref("int_score_answers"),
        dbt.ref("int_qualification_scorecards"),
        dbt.ref("fct_opportunities"),
        dbt.ref("stg_run_settings"),
    )
    return models(home_of(session), deals)
