"""Grain: one row per source system and attribute with answers of two people, and one for all."""

import pandas as pd

from assets.scoring.agreement import krippendorff_alpha


def model(dbt, session):
    dbt.config(materialized="table")
    ratings = dbt.ref("int_qualification_double_ratings").df()
    everything = ratings.assign(attribute_id="overall")
    rows = [
        (*key, krippendorff_alpha(group["unit_id"], group["value"], "ordinal").alpha)
        for key, group in pd.concat([ratings, everything]).groupby(
            ["source_system", "attribute_id"]
        )
    ]
    return pd.DataFrame(rows, columns=["source_system", "attribute_id", "alpha"]).astype(
        {"source_system": "string", "attribute_id": "string", "alpha": "float64"}
    )
