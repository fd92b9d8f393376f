-- Grain: one row per score and decision
with
    int_win_probability_models as (select * from {{ ref("int_win_probability_models") }}),
    int_lead_time_models as (select * from {{ ref("int_lead_time_models") }}),
    stg_run_settings as (select * from {{ ref("stg_run_settings") }}),
    decisions as (
        select *
        from int_win_probability_models
        union all by name
        select *
        from int_lead_time_models
    ),
    aged as (
        select
            decisions.score_name,
            decisions.decision_number,
            decisions.model_version,
            decisions.trained_as_of_date,
            decisions.is_promoted,
            decisions.is_champion,
            decisions.decision_number = max(decisions.decision_number) over (
                partition by decisions.score_name
            ) as is_last_decision,
            decisions.status,
            decisions.refused_because,
            decisions.case_count,
            decisions.data_sha256,
            date_diff('day', decisions.trained_as_of_date, stg_run_settings.as_of_date) as age_days,
            stg_run_settings.as_of_at as scored_at,
        from decisions
        cross join stg_run_settings
    ),
    judged as (
        select *, is_champion and age_days > {{ var("model_stale_after_days") }} as is_stale,
        from aged
    )
select *
from judged
