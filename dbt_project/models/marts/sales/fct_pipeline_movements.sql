-- Grain: one row per opportunity and target period that it stood in
with
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    target_days as (
        select
            date_day,
            'fiscal_month' as period_kind,
            month_start as period_start,
            month_end as period_end,
        from dim_dates
        union all
        select
            date_day,
            'fiscal_quarter' as period_kind,
            fiscal_quarter_start as period_start,
            last_day(fiscal_quarter_start + interval 2 month) as period_end,
        from dim_dates
    ),
    begun_periods as (
        select
            target_days.*,
            least(target_days.period_end, run_settings.as_of_date) as measured_to_date,
        from target_days
        cross join run_settings
        where target_days.period_start <= run_settings.as_of_date
    ),
    -- The versions by which a deal stands in a period: open, and expected to close in it. One that
    -- closes the deal on an expected date of the period stood in it for an instant, since within
    -- one event the date moves before the deal leaves.
    presences as (
        select
            versions.opportunity_id,
            begun_periods.period_kind,
            begun_periods.period_start,
            begun_periods.period_end,
            begun_periods.measured_to_date,
            versions.version_number,
            -- what comes after an open version that ends within the period
            case
                when
                    versions.status = 'open'
                    and versions.known_to_date <= begun_periods.measured_to_date
                then versions.version_number + 1
                else versions.version_number
            end as following_version_number,
        from int_opportunity_versions_dated as versions
        inner join begun_periods on versions.expected_close_date = begun_periods.date_day
        where
            versions.known_from_date <= begun_periods.measured_to_date
            and (
                versions.known_from_date >= begun_periods.period_start
                or (
                    versions.status = 'open'
                    and coalesce(versions.known_to_date >= begun_periods.period_start, true)
                )
            )
            and (versions.status = 'open' or coalesce(versions.previous_status = 'open', true))
    ),
    -- from the first to the last: what left and came back in between has not moved
    stays as (
        select
            opportunity_id,
            period_kind,
            period_start,
            period_end,
            measured_to_date,
            min(version_number) as first_version_number,
            max(following_version_number) as last_version_number,
        from presences
        group by opportunity_id, period_kind, period_start, period_end, measured_to_date
    ),
    moves as (
        select
            stays.opportunity_id,
            stays.period_kind,
            stays.period_start,
            stays.period_end,
            stays.measured_to_date,
            last_versions.source_system,
            first_versions.pipeline as entry_pipeline,
            last_versions.pipeline as exit_pipeline,
            last_versions.segment,
            last_versions.owner_id,
            case
                when first_versions.known_from_date < stays.period_start
                then 'start'
                when first_versions.previous_status is null
                then 'created'
                when first_versions.previous_status = 'open'
                then 'pulled_in'
                else 'reopened'
            end as entry_kind,
            greatest(first_versions.known_from_date, stays.period_start - 1) as entry_date,
            first_versions.amount_original as entry_amount_original,
            first_versions.currency as entry_currency,
            case
                when
                    last_versions.expected_close_date
                    between stays.period_start and stays.period_end
                then case last_versions.status when 'open' then 'end' else last_versions.status end
                else 'slipped'
            end as exit_kind,
            last_versions.known_from_date as exit_version_date,
            last_versions.amount_original as exit_amount_original,
            last_versions.currency as exit_currency,
            last_versions.is_history_reconstructed,
        from stays
        inner join
            int_opportunity_versions_dated as first_versions
            on stays.opportunity_id = first_versions.opportunity_id
            and stays.first_version_number = first_versions.version_number
        inner join
            int_opportunity_versions_dated as last_versions
            on stays.opportunity_id = last_versions.opportunity_id
            and stays.last_version_number = last_versions.version_number
    ),
    dated_moves as (
        select
            *,
            case
                when exit_kind = 'end' then measured_to_date else exit_version_date
            end as exit_date,
        from moves
    ),
    currency_days as (
        select entry_currency as currency, entry_date as date_day,
        from dated_moves
        union
        select exit_currency as currency, entry_date as date_day,
        from dated_moves
        union
        select exit_currency as currency, exit_date as date_day,
        from dated_moves
    ),
    rates as (
        select currency_days.currency, currency_days.date_day, int_fx_rates_dated.fx_rate,
        from currency_days
        inner join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated", "currency_days.currency", "currency_days.date_day"
                )
            }}
    ),
    -- amount first, at the rate of the entry; then the rate: a deal leaves at its exit value
    valued as (
        select
            dated_moves.*,
            case
                when dated_moves.entry_amount_original is null
                then 0
                else round(dated_moves.entry_amount_original * entry_rates.fx_rate, 2)
            end as entry_value,
            case
                when dated_moves.exit_amount_original is null
                then 0
                else round(dated_moves.exit_amount_original * held_rates.fx_rate, 2)
            end as held_value,
            case
                when dated_moves.exit_amount_original is null
                then 0
                else round(dated_moves.exit_amount_original * exit_rates.fx_rate, 2)
            end as exit_value,
        from dated_moves
        left join
            rates as entry_rates
            on dated_moves.entry_currency = entry_rates.currency
            and dated_moves.entry_date = entry_rates.date_day
        left join
            rates as held_rates
            on dated_moves.exit_currency = held_rates.currency
            and dated_moves.entry_date = held_rates.date_day
        left join
            rates as exit_rates
            on dated_moves.exit_currency = exit_rates.currency
            and dated_moves.exit_date = exit_rates.date_day
    ),
    flagged as (
        select
            *,
            entry_value is null or held_value is null or exit_value is null as is_unpriced,
            entry_amount_original is null or exit_amount_original is null as is_amount_missing,
        from valued
    ),
    -- a deal that lacks a rate at either end is left out of the amounts at both
    movements as (
        select
            opportunity_id,
            source_system,
            period_kind,
            period_start,
            period_end,
            measured_to_date,
            entry_kind,
            entry_date,
            entry_pipeline,
            cast(case when not is_unpriced then entry_value end as decimal(18, 2)) as entry_amount,
            cast(
                case when not is_unpriced then held_value - entry_value end as decimal(18, 2)
            ) as amount_change_amount,
            cast(
                case when not is_unpriced then exit_value - held_value end as decimal(18, 2)
            ) as fx_change_amount,
            exit_kind,
            exit_date,
            exit_pipeline,
            cast(case when not is_unpriced then exit_value end as decimal(18, 2)) as exit_amount,
            is_unpriced,
            is_amount_missing,
            segment,
            owner_id,
            is_history_reconstructed,
        from flagged
    )
select *
from movements
