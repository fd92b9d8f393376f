-- Grain: one row per source system, pipeline, stage, due class, age class and day after a month end
with
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    followed as (
        select
            snapshots.source_system,
            snapshots.pipeline,
            coalesce(snapshots.stage, 'unknown') as stage,
            {{ due_class("snapshots.expected_close_date", "snapshots.snapshot_date") }}
            as due_class,
            {{ class_of_days("snapshots.age_days", var("forecast_age_days")) }} as age_class,
            fct_opportunities.outcome,
            -- what is still open is censored at the as_of
            coalesce(
                fct_opportunities.closed_date,
                fct_opportunities.removed_date,
                run_settings.as_of_date
            )
            - snapshots.snapshot_date as day_number,
        from fct_pipeline_snapshots as snapshots
        inner join fct_opportunities on snapshots.opportunity_id = fct_opportunities.opportunity_id
        cross join run_settings
        where
            snapshots.snapshot_kind = 'month_end'
            and snapshots.snapshot_date < run_settings.as_of_date
            and snapshots.snapshot_date
            >= run_settings.as_of_date - to_months({{ var("forecast_history_months") }})
            -- an end of which nobody knows the day tells nothing of time
            and (
                fct_opportunities.outcome = 'open'
                or fct_opportunities.closed_date is not null
                or fct_opportunities.removed_date is not null
            )
    ),
    exits as (
        select
            source_system,
            pipeline,
            stage,
            due_class,
            age_class,
            cast(day_number as bigint) as day_number,
            count(*) filter (where outcome = 'won') as won_count,
            count(*) filter (where outcome = 'lost') as lost_count,
            count(*) filter (where outcome not in ('won', 'lost', 'open')) as dropped_count,
            count(*) filter (where outcome = 'open') as censored_count,
        from followed
        -- it had ended by then, and became known later
        where day_number > 0
        group by source_system, pipeline, stage, due_class, age_class, day_number
    )
select *
from exits
