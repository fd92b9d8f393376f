"""Grain: one row per source system, pipeline, landmark and threshold."""

from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa

from assets.scoring.score_bunching import SCHEMA, bunching, judged

LANDMARKS = ("first_complete", "stage_2_entry")
#: scores that people take for limits without anybody having measured one
ROUND_SCORES = range(20, 81, 10)
KEY = [(name, pa.string()) for name in ("source_system", "pipeline", "landmark")]
GROUP = itemgetter(*dict(KEY))


def model(dbt, session):
    dbt.config(materialized="table")
    names = ", ".join(dict(KEY))
    counted = (
        dbt.ref("fct_qualification_scores")
        .filter(f"score is not null and landmark in {LANDMARKS}")
        .aggregate(f"{names}, floor(score)::integer as points, count(*) as score_count")
        .order("all")
        .to_arrow_table()
        .to_pylist()
    )
    points = (
        dbt.ref("int_tipping_points")
        .filter("tipping_point_score is not null")
        .project(f"{names}, side, tipping_point_score")
        .order("all")
        .to_arrow_table()
        .to_pylist()
    )
    rows = []
    for _, of_system in groupby(counted, key=itemgetter("source_system")):
        asked = []
        for group, of_group in groupby(of_system, key=GROUP):
            counts = np.zeros(101, dtype=np.int64)
            for row in of_group:
                counts[row["points"]] = row["score_count"]
            kinds = dict.fromkeys(ROUND_SCORES, "round score")
            kinds |= {
                point["tipping_point_score"]: f"{point['side']} tipping point"
                for point in points
                if GROUP(point) == group
            }
            named = dict(zip(dict(KEY), group, strict=True))
            asked += [
                (named | {"threshold": at, "threshold_kind": kinds[at]}, bunching(counts, at))
                for at in sorted(kinds)
            ]
        for (named, _), told in zip(asked, judged([each for _, each in asked]), strict=True):
            rows.append(named | told)
    schema = [*KEY, ("threshold", pa.int64()), ("threshold_kind", pa.string()), *SCHEMA]
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))
