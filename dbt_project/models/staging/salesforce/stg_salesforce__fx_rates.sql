-- Grain: one row per currency and day
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    dated_rates as ({{ salesforce_records("dated_conversion_rate") }}),
    currencies as ({{ salesforce_versions("currency_type") }}),
    -- from a day up to the day before the next rate begins
    dated_periods as (
        select
            upper(trim(iso_code)) as currency,
            to_decimal(conversion_rate) as units,
            to_utc_date(start_date) as first_date,
            coalesce(
                to_utc_date(next_start_date),
                lead(to_utc_date(start_date)) over (
                    partition by upper(trim(iso_code)) order by to_utc_date(start_date)
                ),
                date '9999-12-31'
            )
            - 1 as last_date,
            _known_at,
            _is_reconstructed,
        from dated_rates
        where not _is_deleted
    ),
    -- a rate without dates holds from when it was seen, the first one from the start
    undated_periods as (
        select
            upper(trim(iso_code)) as currency,
            to_decimal(conversion_rate) as units,
            case
                when _is_first then date '0001-01-01' else business_date(_seen_at)
            end as first_date,
            coalesce(
                lead(business_date(_seen_at)) over (
                    partition by upper(trim(iso_code)) order by _seen_at, _row_number
                ),
                date '9999-12-31'
            )
            - 1 as last_date,
            case when not _is_first then _seen_at end as _known_at,
            _is_first as _is_reconstructed,
        from currencies
        where _is_known
    ),
    periods as (
        select *
        from dated_periods
        union all by name
        select undated_periods.*
        from undated_periods
        anti join dated_periods on undated_periods.currency = dated_periods.currency
    ),
    daily_units as (
        select
            periods.currency,
            cast(
                unnest(
                    generate_series(
                        greatest(
                            periods.first_date,
                            cast(
                                run_settings.as_of_date
                                - interval {{ var("calendar_years") }} year as date
                            )
                        ),
                        least(periods.last_date, run_settings.as_of_date),
                        interval 1 day
                    )
                ) as date
            ) as rate_date,
            periods.units,
            periods._known_at,
            periods._is_reconstructed,
        from periods
        cross join run_settings
        where periods.units > 0
    ),
    -- a rate says how many units one unit of the corporate currency buys; so two currencies of one
    -- day give the rate between them, whichever the corporate currency is
    rates as (
        select
            daily_units.rate_date,
            daily_units.currency,
            cast(
                round(
                    cast(base_units.units as double) / cast(daily_units.units as double), 8
                ) as decimal(18, 8)
            ) as rate_to_base,
            'salesforce' as source_system,
            greatest(daily_units._known_at, base_units._known_at) as recorded_at,
            daily_units._is_reconstructed
            or base_units._is_reconstructed as is_history_reconstructed,
        from daily_units
        cross join run_settings
        inner join
            daily_units as base_units
            on daily_units.rate_date = base_units.rate_date
            and base_units.currency = run_settings.base_currency
        where daily_units.currency <> run_settings.base_currency
    ),
    unique_rates as (
        select *
        from rates
        qualify
            row_number() over (
                partition by currency, rate_date order by recorded_at desc, rate_to_base asc
            )
            = 1
    )
select *
from unique_rates
