-- Grain: one row per open opportunity
with
    fct_opportunity_scores as (select * from {{ ref("fct_opportunity_scores") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    open_deals as (
        select
            scores.source_system,
            scores.opportunity_id,
            coalesce(scores.pipeline, 'unknown') as pipeline,
            coalesce(scores.stage, 'unknown') as stage,
            {{ due_class("scores.expected_close_date", "run_settings.as_of_date") }} as due_class,
            {{ class_of_days("scores.age_days", var("forecast_age_days")) }} as age_class,
            scores.amount_base,
            coalesce(fct_opportunities.is_unpriced, false) as is_unpriced,
            cast(scores.expected_close_date - run_settings.as_of_date as bigint) as due_days,
            scores.win_probability,
            scores.stage_win_rate_probability,
            scores.model_version,
        from fct_opportunity_scores as scores
        cross join run_settings
        left join fct_opportunities on scores.opportunity_id = fct_opportunities.opportunity_id
    ),
    numbered as (
        select
            *,
            cast(
                dense_rank() over (
                    partition by source_system order by pipeline, stage, due_class, age_class
                )
                - 1 as bigint
            ) as stratum_number,
        from open_deals
    )
select *
from numbered
