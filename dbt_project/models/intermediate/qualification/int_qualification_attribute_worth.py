"""Grain: one row per source system, scorecard version and attribute."""

import pyarrow as pa

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
    evidence = scores.filter("landmark = 'first_complete' and is_resolved_evidence").project(
        "source_system, scorecard_version, opportunity_id, is_won, account_id"
    )
    # as the score reads them: the owner's answer; without one the median of the others
    answers = (
        dbt.ref("int_qualification_landmark_answers")
        .filter("landmark = 'first_complete'")
        .aggregate(
            "opportunity_id, attribute_id,"
            " coalesce(max(value) filter (is_owner), median(value)) as value",
            "opportunity_id, attribute_id",
        )
        .join(evidence.project("opportunity_id"), "opportunity_id", "semi")
        .df()
        .pivot(index="opportunity_id", columns="attribute_id", values="value")
    )
    deals = evidence.order("opportunity_id").df()
    deals_of = dict(tuple(deals.groupby(list(GROUP))))
    rows = []
    for group, card in scorecards[scorecards["source_system"].isin(answering)].groupby(list(GROUP)):
        resolved = deals_of.get(group, deals.head(0))
        accounts = resolved["account_id"].astype(object).where(resolved["account_id"].notna(), None)
        found = fitted_score(
            answers.reindex(index=resolved["opportunity_id"], columns=card["attribute_id"]),
            list(card["attribute_id"]),
            card["weight"],
            resolved["is_won"],
            accounts,
        )
        rows += [dict(zip(GROUP, group, strict=True)) | row for row in found]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([*((name, pa.string()) for name in GROUP), *SCHEMA])
    )
