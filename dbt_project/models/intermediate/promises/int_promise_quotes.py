"""Grain: one row per product and quantity."""

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
    cases = (
        dbt.ref("int_promise_quote_cases")
        .project("* replace (cast(quantity as double) as quantity)")
        .order("source_system, product_id, quantity")
        .df()
    )
    working_days = dbt.ref("dim_dates").filter("is_working_day").order("date_day")
    working_days = working_days.project("date_day").df()["date_day"]
    champions = promises.speaking(home_of(session), known, trains=False)
    return promises.quotes(known, champions, cases, working_days)
