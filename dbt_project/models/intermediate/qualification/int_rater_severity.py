"""Grain: one row per source system, basis and rater."""

import pyarrow as pa

from assets.landing.checking import literal
from assets.scoring.rater_severity import SCHEMA, against_case_mix, severities

#: what scores are held against besides who gave them
CASE_MIX = (
    *("pipeline", "entry_segment", "industry", "region", "product_family", "lead_source"),
    *("opportunity_type", "created_quarter"),
)
KEY = [(name, pa.string()) for name in ("source_system", "basis", "rater_id")]
MEANS = [(name, pa.float64()) for name in ("mean_score", "expected_score")]


def model(dbt, session):
    dbt.config(materialized="table")
    scores = dbt.ref("int_rater_scores")
    systems = scores.project("source_system").distinct().order("all").fetchall()
    # of millions of deals the names alone fill gigabytes
    mix = ", ".join(f"hash({name}) as {name}" for name in CASE_MIX)
    rows = []
    for (system,) in systems:
        own = (
            scores.filter(f"source_system = {literal(system)}")
            .order("opportunity_id, rater_id")
            .project(f"rater_id, score, shared_score, others_score, {mix}")
            .df()
        )
        predicted = own["score"] - against_case_mix(
            own["score"], own["rater_id"], [own[name] for name in CASE_MIX]
        )
        shared = own[own["others_score"].notna()]
        for basis, raters, given, expected in (
            ("case mix", own["rater_id"], own["score"], predicted),
            ("same deals", shared["rater_id"], shared["shared_score"], shared["others_score"]),
        ):
            means = [each.groupby(raters).mean() for each in (given, expected)]
            for rater, row in severities(given - expected, raters):
                named = {"source_system": system, "basis": basis, "rater_id": rater}
                told = (round(float(each[rater]), 9) for each in means)
                rows.append(named | dict(zip(dict(MEANS), told, strict=True)) | row)
    return pa.Table.from_pylist(rows, schema=pa.schema([*KEY, *MEANS, *SCHEMA]))
