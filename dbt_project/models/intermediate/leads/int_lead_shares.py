"""Grain: one row per source system, quarter, entry kind, month, source and segment."""

import pyarrow as pa

from assets.landing.checking import literal
from assets.scoring.lead_requirement import SHARES, funnel_of, share_rows


def model(dbt, session):
    dbt.config(materialized="table")
    [(as_of,)] = dbt.ref("stg_run_settings").project("as_of_date").fetchall()
    targets = dbt.ref("int_lead_targets").order("source_system, period_start")
    tables = [dbt.ref("int_lead_exits"), dbt.ref("int_lead_paces"), dbt.ref("int_leads_waiting")]
    rows = []
    for target in targets.to_arrow_table().to_pylist():
        of_system = f"source_system = {literal(target['source_system'])}"
        found = (table.filter(of_system).order("all").df() for table in tables)
        rows += share_rows(target, as_of, funnel_of(target, *found))
    return pa.Table.from_pylist(rows, schema=SHARES)
