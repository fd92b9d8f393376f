"""Grain: one row per source system, outcome and comparison."""

import pyarrow as pa

from assets.scoring.objective_load import SCHEMA, effects


def model(dbt, session):
    dbt.config(materialized="table")
    cases = dbt.ref("int_rep_attainments").order("source_system, rep_id, objective_month").df()
    return pa.Table.from_pylist(effects(cases), schema=pa.schema(SCHEMA))
