-- Grain: one row per source system, month end and month after it that is over
with
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    open_deals as (
        select
            snapshots.source_system,
            snapshots.snapshot_date as landmark_date,
            snapshots.amount_base as landmark_amount,
            case
                when fct_opportunities.outcome = 'won'
                then date_diff('month', snapshots.snapshot_date, fct_opportunities.closed_date)
            end as won_after_months,
            fct_opportunities.amount_base as won_amount,
            run_settings.as_of_date,
        from fct_pipeline_snapshots as snapshots
        inner join fct_opportunities on snapshots.opportunity_id = fct_opportunities.opportunity_id
        cross join run_settings
        where
            snapshots.snapshot_kind = 'month_end'
            and snapshots.snapshot_date < run_settings.as_of_date
            and snapshots.snapshot_date
            >= run_settings.as_of_date - to_months({{ var("forecast_history_months") }})
            and snapshots.amount_base is not null
    ),
    landmarks as (
        select
            source_system,
            landmark_date,
            any_value(as_of_date) as as_of_date,
            sum(landmark_amount) as open_amount,
            sum(cast(landmark_amount as double) * cast(landmark_amount as double)) as open_squares,
        from open_deals
        group by source_system, landmark_date
    ),
    months as (
        select
            *, unnest(generate_series(1, {{ var("forecast_horizon_months") }})) as horizon_months,
        from landmarks
    ),
    won as (
        select
            source_system,
            landmark_date,
            won_after_months as horizon_months,
            sum(landmark_amount) as won_landmark_amount,
            sum(won_amount) as won_amount,
        from open_deals
        where won_amount is not null and won_after_months >= 1
        group by source_system, landmark_date, won_after_months
    ),
    open_months as (
        select
            months.source_system,
            months.landmark_date,
            months.horizon_months,
            cast(months.open_amount as decimal(18, 2)) as open_amount,
            months.open_squares,
            cast(coalesce(won.won_landmark_amount, 0) as decimal(18, 2)) as won_landmark_amount,
            cast(coalesce(won.won_amount, 0) as decimal(18, 2)) as won_amount,
        from months
        left join
            won
            on months.source_system = won.source_system
            and months.landmark_date = won.landmark_date
            and months.horizon_months = won.horizon_months
        where
            last_day(cast(months.landmark_date + to_months(months.horizon_months) as date))
            <= months.as_of_date
    )
select *
from open_months
