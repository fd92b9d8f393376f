"""Grain: one row per source system, entry kind, kind reached, source, segment, and one of all."""

import pyarrow as pa

from assets.scoring.lead_conversions import CONVERSIONS, conversion_rows


def model(dbt, session):
    dbt.config(materialized="table")
    rows = conversion_rows(dbt.ref("int_lead_exits").order("all").df())
    return pa.Table.from_pylist(rows, schema=CONVERSIONS)
