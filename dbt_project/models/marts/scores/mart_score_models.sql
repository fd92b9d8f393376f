-- Grain: one row per score and decision
with
    int_score_decisions as (select * from {{ ref("int_score_decisions") }}),
    stg_run_settings as (select * from {{ ref("stg_run_settings") }}),
    aged as (
        select
            int_score_decisions.score_name,
            int_score_decisions.decision_number,
            int_score_decisions.model_version,
            int_score_decisions.trained_as_of_date,
            int_score_decisions.is_promoted,
            int_score_decisions.is_champion,
            int_score_decisions.decision_number = max(int_score_decisions.decision_number) over (
                partition by int_score_decisions.score_name
            ) as is_last_decision,
            int_score_decisions.status,
            int_score_decisions.refused_because,
            int_score_decisions.case_count,
            int_score_decisions.known_count,
            int_score_decisions.data_sha256,
            date_diff(
                'day', int_score_decisions.trained_as_of_date, stg_run_settings.as_of_date
            ) as age_days,
            stg_run_settings.as_of_at as scored_at,
        from int_score_decisions
        cross join stg_run_settings
    ),
    judged as (
        select *, is_champion and age_days > {{ var("model_stale_after_days") }} as is_stale,
        from aged
    )
select *
from judged
