-- Grain: one row per open opportunity, direction and rank
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_opportunity_score_reasons as (select * from {{ ref("int_opportunity_score_reasons") }}),
    reasons as (
        select
            int_opportunity_score_reasons.source_system,
            int_opportunity_score_reasons.opportunity_id,
            int_opportunity_score_reasons.direction,
            int_opportunity_score_reasons.rank,
            int_opportunity_score_reasons.feature,
            int_opportunity_score_reasons.words,
            int_opportunity_score_reasons.value,
            int_opportunity_score_reasons.better_value,
            int_opportunity_score_reasons.points,
            int_opportunity_score_reasons.model_version,
            run_settings.as_of_at as scored_at,
        from int_opportunity_score_reasons
        cross join run_settings
    )
select *
from reasons
