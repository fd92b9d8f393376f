"""Grain: one row per source system, scorecard version and attribute."""

import pyarrow as pa

from assets.landing.checking import literal
from assets.scoring.fitted_score import SCHEMA, fitted_score

GROUP = ("source_system", "scorecard_version")


def model(dbt, session):
    dbt.config(materialized="table")
    scores = dbt.ref("fct_qualification_scores")
    answering = [system for (system,) in scores.project("source_system").distinct().fetchall()]
    scorecards = (
        dbt.ref("int_qualification_scorecards")
        .order("source_system, scorecard_version, attribute_id")
        .project("source_system, scorecard_version, attribute_id, cast(weight as double) as weight")
        .df()
    )
    landmark_answers = dbt.ref("int_qualification_landmark_answers").filter(
        "landmark = 'first_complete'"
    )
    rows = []
    for group, card in scorecards[scorecards["source_system"].isin(answering)].groupby(list(GROUP)):
        whose = (f"{name} = {literal(value)}" for name, value in zip(GROUP, group, strict=True))
        resolved = scores.filter(
            " and ".join(("landmark = 'first_complete'", "is_resolved_evidence", *whose))
        ).project("opportunity_id, is_won, account_id")
        # as the score reads them: the owner's answer; without one the median of the others
        answers = (
            landmark_answers.join(resolved.project("opportunity_id"), "opportunity_id", "semi")
            .aggregate(
                "opportunity_id, attribute_id,"
                " coalesce(max(value) filter (is_owner), median(value)) as value",
                "opportunity_id, attribute_id",
            )
            .aggregate(
                "opportunity_id, "
                + ", ".join(
                    f"max(value) filter (attribute_id = {literal(name)}) as answer_{place}"
                    for place, name in enumerate(card["attribute_id"])
                ),
                "opportunity_id",
            )
        )
        deals = resolved.join(answers, "opportunity_id", "left").order("opportunity_id").df()
        found = fitted_score(
            deals[[f"answer_{place}" for place in range(len(card))]],
            list(card["attribute_id"]),
            card["weight"],
            deals["is_won"],
            deals["account_id"].astype(object).where(deals["account_id"].notna(), None),
        )
        rows += [dict(zip(GROUP, group, strict=True)) | row for row in found]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([*((name, pa.string()) for name in GROUP), *SCHEMA])
    )
