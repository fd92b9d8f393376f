-- Grain: one row per currency and rate date; one row for the base currency
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_fx_rates_unioned as (select * from {{ ref("int_fx_rates_unioned") }}),
    usable_rates as (
        select
            int_fx_rates_unioned.currency,
            int_fx_rates_unioned.rate_date,
            int_fx_rates_unioned.rate_to_base,
        from int_fx_rates_unioned
        cross join run_settings
        where
            int_fx_rates_unioned.rate_to_base > 0
            and int_fx_rates_unioned.rate_date <= run_settings.as_of_date
            and int_fx_rates_unioned.currency <> run_settings.base_currency
        -- two systems that name a rate for the same day: one of them, always the same
        qualify
            row_number() over (
                partition by int_fx_rates_unioned.currency, int_fx_rates_unioned.rate_date
                order by int_fx_rates_unioned.source_system desc
            )
            = 1
    ),
    dated_rates as (
        select
            currency,
            rate_date,
            rate_to_base as fx_rate,
            rate_date as valid_from,
            -- the last rate on or before a day serves it, at most 7 days long
            least(
                cast(rate_date + interval 8 days as date),
                lead(rate_date, 1, date '9999-12-31') over (
                    partition by currency order by rate_date
                )
            ) as valid_to,
        from usable_rates
        union all by name
        select
            base_currency as currency,
            cast(null as date) as rate_date,
            cast(1 as decimal(18, 8)) as fx_rate,
            date '0001-01-01' as valid_from,
            date '9999-12-31' as valid_to,
        from run_settings
    )
select *
from dated_rates
