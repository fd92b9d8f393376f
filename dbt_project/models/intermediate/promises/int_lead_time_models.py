"""Grain: one row per score and decision which model speaks for it."""

from assets.scoring import promises
from assets.scoring.champions import home_of


def model(dbt, session):
    dbt.config(materialized="table")
    known = promises.evidence(
        dbt.ref("stg_run_settings"),
        dbt.ref("int_order_line_lead_times"),
        dbt.ref("int_work_order_lead_times"),
    )
    return promises.models_of(promises.speaking(home_of(session), known))
