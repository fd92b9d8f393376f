"""Grain: one row per source system, quarter, entry kind, lever and confidence level."""

import numpy as np
import pyarrow as pa

from assets.landing.checking import literal
from assets.scoring import bookings_forecast as cast
from assets.scoring import lead_requirement as lead


def model(dbt, session):
    dbt.config(materialized="table")
    [(as_of,)] = dbt.ref("stg_run_settings").project("as_of_date").fetchall()
    targets = dbt.ref("int_lead_targets").order("source_system, period_start")
    tables = [dbt.ref("int_lead_exits"), dbt.ref("int_lead_paces"), dbt.ref("int_leads_waiting")]
    open_deals = dbt.ref("int_forecast_open_deals")
    deal_exits = dbt.ref("int_forecast_exits")
    open_months = dbt.ref("int_forecast_open_months")

    def opened(target, of_system):
        """What open deals bring in the quarter, in as many draws as there are; None = unknown."""
        if not target["has_open_deals"]:
            return None
        deals = cast.read_open_deals(open_deals.filter(of_system))
        if not deals.amount.size:
            return np.zeros(cast.SIMULATIONS)
        first, last = (
            max((target[name] - as_of).days, least)
            for name, least in (("period_start", 1), ("period_end", 1))
        )
        exits = deal_exits.filter(of_system).order("all").df()
        shares = cast.strata_shares(exits, deals.strata, [first - 1, last])
        if shares is None:
            return None
        months = open_months.filter(of_system).order("all").df()
        part = cast.open_part(deals, shares, months, np.random.default_rng(cast.SEED))
        draws = part.draws[:, 0]
        return draws + (part.expected[0] - draws.mean())

    rows = []
    for target in targets.to_arrow_table().to_pylist():
        of_system = f"source_system = {literal(target['source_system'])}"
        found = (table.filter(of_system).order("all").df() for table in tables)
        funnel = lead.funnel_of(target, *found)
        rows += lead.requirement_rows(target, as_of, funnel, opened(target, of_system))
    return pa.Table.from_pylist(rows, schema=lead.SCHEMA)
