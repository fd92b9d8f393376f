-- Grain: one row per source system, month end and stage; the stage '' stands for all stages
with
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_forecast_snapshots as (select * from {{ ref("int_forecast_snapshots") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    -- the outcome came to be known when the status last changed
    resolved_deals as (
        select
            fct_opportunities.opportunity_id,
            any_value(fct_opportunities.outcome = 'won') as is_won,
            max(versions.known_from_date) as resolved_date,
        from fct_opportunities
        inner join
            int_opportunity_versions_dated as versions
            on fct_opportunities.opportunity_id = versions.opportunity_id
        where
            fct_opportunities.outcome in ('won', 'lost')
            and versions.status is distinct from versions.previous_status
        group by fct_opportunities.opportunity_id
    ),
    -- a deal counts once for each month end at which it stood
    stood as (
        select
            snapshots.source_system,
            coalesce(snapshots.stage, 'unknown') as stage,
            resolved_deals.resolved_date,
            count(*) filter (where resolved_deals.is_won) as won_count,
            count(*) as resolved_count,
        from fct_pipeline_snapshots as snapshots
        inner join resolved_deals on snapshots.opportunity_id = resolved_deals.opportunity_id
        where
            snapshots.snapshot_kind = 'month_end'
            and resolved_deals.resolved_date > snapshots.snapshot_date
        group by
            snapshots.source_system,
            coalesce(snapshots.stage, 'unknown'),
            resolved_deals.resolved_date
    ),
    known as (
        select
            stood.source_system,
            months.snapshot_date,
            stood.stage,
            cast(sum(stood.won_count) as bigint) as won_count,
            cast(sum(stood.resolved_count) as bigint) as resolved_count,
        from int_forecast_snapshots as months
        inner join stood on months.snapshot_date >= stood.resolved_date
        group by stood.source_system, months.snapshot_date, stood.stage
    ),
    overall as (
        select
            source_system,
            snapshot_date,
            cast(sum(won_count) as bigint) as won_count,
            cast(sum(resolved_count) as bigint) as resolved_count,
        from known
        group by source_system, snapshot_date
    ),
    -- one deal more at the rate of all counts in every stage, as the score's baseline has it
    rates as (
        select
            known.source_system,
            known.snapshot_date,
            known.stage,
            known.won_count,
            known.resolved_count,
            round(
                (known.won_count + {{ safe_ratio("overall.won_count", "overall.resolved_count") }})
                / (known.resolved_count + 1),
                9
            ) as win_rate,
        from known
        inner join
            overall
            on known.source_system = overall.source_system
            and known.snapshot_date = overall.snapshot_date
        union all by name
        select
            source_system,
            snapshot_date,
            '' as stage,
            won_count,
            resolved_count,
            round({{ safe_ratio("won_count", "resolved_count") }}, 9) as win_rate,
        from overall
    )
select *
from rates
