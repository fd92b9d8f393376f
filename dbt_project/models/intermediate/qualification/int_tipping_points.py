"""Grain: one row per source system, pipeline, landmark and side."""

import pyarrow as pa

from assets.landing.checking import literal
from assets.scoring.tipping_points import SCHEMA, tipping_points

GROUP = ("source_system", "pipeline", "landmark")
LANDMARKS = ("first_complete", "stage_2_entry", "thirty_days_before_close")


def model(dbt, session):
    dbt.config(materialized="table")
    scores = dbt.ref("fct_qualification_scores")
    pipelines = scores.project("source_system, pipeline").distinct().order("all").fetchall()
    rows = []
    for group in [(*pipeline, landmark) for pipeline in pipelines for landmark in LANDMARKS]:
        # one group at a time: of millions of deals the names alone fill gigabytes
        whose = (f"{name} = {literal(value)}" for name, value in zip(GROUP, group, strict=True))
        deals = (
            scores.filter(" and ".join(("is_resolved_evidence", *whose)))
            .order("opportunity_id")
            .project("score, is_won, account_id, closed_date")
            .df()
        )
        accounts = deals["account_id"].astype(object).where(deals["account_id"].notna(), None)
        found = tipping_points(deals["score"], deals["is_won"], accounts, deals["closed_date"])
        rows += [dict(zip(GROUP, group, strict=True)) | row for row in found]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([*((name, pa.string()) for name in GROUP), *SCHEMA])
    )
