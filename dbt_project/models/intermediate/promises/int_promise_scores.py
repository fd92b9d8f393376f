"""Grain: one row per planned date of an order line that is open."""

from assets.scoring import promises
from assets.scoring.champions import home_of


def model(dbt, session):
    dbt.config(materialized="table")
    dbt.ref("int_lead_time_models")  # which trains what is due
    known = promises.evidence(
        dbt.ref("stg_run_settings"),
        dbt.ref("int_order_line_lead_times"),
        dbt.ref("int_work_order_lead_times"),
    )
    champions = promises.speaking(home_of(session), known, trains=False)
    return promises.scores(known, champions)
