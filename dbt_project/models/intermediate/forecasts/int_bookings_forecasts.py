"""Grain: one row per forecast date, source system, period kind, period and method."""

import pyarrow as pa

from assets.landing.checking import literal
from assets.scoring import bookings_forecast as cast
from assets.scoring.champions import home_of


def model(dbt, session):
    dbt.config(materialized="table")
    settings = dbt.ref("stg_run_settings")
    [(as_of, scored_at)] = settings.project("as_of_date, as_of_at").fetchall()
    opportunities = dbt.ref("fct_opportunities")
    open_deals = dbt.ref("int_forecast_open_deals")
    exits = dbt.ref("int_forecast_exits")
    open_months = dbt.ref("int_forecast_open_months")
    new_months = dbt.ref("int_forecast_new_months")
    commits = dbt.ref("int_forecast_commits")
    periods = (
        dbt.ref("int_forecast_periods")
        .order("period_kind, period_start")
        .to_arrow_table()
        .to_pylist()
    )

    def history_of(of_system):
        [(first_date,)] = opportunities.filter(of_system).aggregate("min(created_date)").fetchall()
        booked = opportunities.filter(f"{of_system} and outcome = 'won'").filter(
            f"closed_date <= date '{as_of}' and amount_base is not null"
        )
        return cast.History(
            exits=exits.filter(of_system).order("all").df(),
            open_months=open_months.filter(of_system).order("all").df(),
            new_months=new_months.filter(of_system).order("all").df(),
            bookings={
                month: float(amount)
                for month, amount in booked.aggregate("close_month, sum(amount_base)").fetchall()
            },
            first_date=first_date,
            commits={
                (kind, start): (None if amount is None else float(amount), submitted, unpriced)
                for kind, start, amount, submitted, unpriced in commits.filter(of_system)
                .project("period_kind, period_start, commit_amount, submission_count, n_unpriced")
                .fetchall()
            },
        )

    def forecasts_of(system):
        of_system = f"source_system = {literal(system)}"
        [(version,)] = open_deals.filter(of_system).aggregate("max(model_version)").fetchall()
        stamp = {"forecast_date": as_of, "source_system": system, "scored_at": scored_at}
        rows = cast.forecasts(
            as_of,
            periods,
            cast.read_open_deals(open_deals.filter(of_system)),
            history_of(of_system),
            version,
        )
        return [row | stamp for row in rows]

    systems = opportunities.project("source_system").distinct().order("all").fetchall()
    rows = cast.frozen(home_of(session), as_of, [system for (system,) in systems], forecasts_of)
    return pa.Table.from_pylist(rows, schema=cast.SCHEMA)
