-- Grain: one row per snapshot kind, snapshot day and open opportunity
with
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- open at the end of each day from the first to the last
    open_versions as (
        select
            int_opportunity_versions_dated.*,
            coalesce(
                int_opportunity_versions_dated.known_to_date - 1, run_settings.as_of_date
            ) as known_until_date,
        from int_opportunity_versions_dated
        cross join run_settings
        where int_opportunity_versions_dated.status = 'open'
    ),
    snapshots as (
        select
            *,
            'week_end' as snapshot_kind,
            cast(
                unnest(
                    generate_series(
                        known_from_date + cast(7 - isodow(known_from_date) as integer),
                        known_until_date,
                        interval 7 day
                    )
                ) as date
            ) as snapshot_date,
        from open_versions
        union all
        select
            *,
            'month_end' as snapshot_kind,
            -- the days before the first of a month, up to the last day
            cast(
                unnest(
                    generate_series(
                        date_trunc('month', known_from_date) + interval 1 month,
                        known_until_date + 1,
                        interval 1 month
                    )
                ) as date
            )
            - 1 as snapshot_date,
        from open_versions
    ),
    snapshot_days as (
        select
            cast(
                unnest(
                    generate_series(min(known_from_date), max(known_until_date), interval 1 day)
                ) as date
            ) as snapshot_date,
        from open_versions
    ),
    -- the rate of each currency and day first, so that the snapshots need no range join
    rates as (
        select
            currencies.currency,
            snapshot_days.snapshot_date,
            int_fx_rates_dated.fx_rate,
            int_fx_rates_dated.rate_date as fx_rate_date,
        from (select distinct currency from open_versions) as currencies
        inner join int_fx_rates_dated on currencies.currency = int_fx_rates_dated.currency
        inner join
            snapshot_days
            on int_fx_rates_dated.valid_from <= snapshot_days.snapshot_date
            and int_fx_rates_dated.valid_to > snapshot_days.snapshot_date
    ),
    priced as (
        select
            snapshots.snapshot_date,
            snapshots.snapshot_kind,
            snapshots.opportunity_id,
            snapshots.source_system,
            snapshots.pipeline,
            snapshots.segment,
            snapshots.stage,
            snapshots.stage_order,
            snapshots.is_qualified,
            snapshots.owner_id,
            snapshots.account_id,
            snapshots.amount_original,
            snapshots.currency,
            rates.fx_rate,
            rates.fx_rate_date,
            cast(
                round(snapshots.amount_original * rates.fx_rate, 2) as decimal(18, 2)
            ) as amount_base,
            snapshots.amount_original is not null and rates.fx_rate is null as is_unpriced,
            snapshots.expected_close_date,
            cast(snapshots.snapshot_date - snapshots.stage_entered_date as bigint) as days_in_stage,
            cast(snapshots.snapshot_date - snapshots.created_date as bigint) as age_days,
            snapshots.is_history_reconstructed,
        from snapshots
        left join
            rates
            on snapshots.currency = rates.currency
            and snapshots.snapshot_date = rates.snapshot_date
    )
select *
from priced
