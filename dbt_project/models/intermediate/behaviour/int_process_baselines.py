"""Grain: one row per series and documented process."""

import pyarrow as pa

from assets.scoring import process_baselines
from assets.scoring.champions import home_of


def model(dbt, session):
    dbt.config(materialized="table")
    [(as_of,)] = dbt.ref("stg_run_settings").project("as_of_date").fetchall()
    measured = dbt.ref("int_process_baselines_measured").order("all").to_arrow_table().to_pylist()
    rows = process_baselines.locked(home_of(session), as_of, measured)
    return pa.Table.from_pylist(rows, schema=process_baselines.SCHEMA)
