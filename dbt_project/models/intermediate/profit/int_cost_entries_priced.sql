-- Grain: one row per month × cost pool × driver of the ledger × source system
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_cost_entries_unioned as (select * from {{ ref("int_cost_entries_unioned") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    cost_drivers as (select * from {{ ref("cost_drivers") }}),
    -- a month's cost is priced at its last day, or at the as_of where it still runs
    known_entries as (
        select
            int_cost_entries_unioned.source_system,
            int_cost_entries_unioned.cost_month,
            int_cost_entries_unioned.cost_pool,
            coalesce(int_cost_entries_unioned.ledger_driver, 'none') as ledger_driver,
            int_cost_entries_unioned.amount,
            coalesce(
                int_cost_entries_unioned.currency, run_settings.base_currency
            ) as priced_currency,
            least(
                last_day(int_cost_entries_unioned.cost_month), run_settings.as_of_date
            ) as priced_date,
            -- a share; what is none is not stated
            case
                when int_cost_entries_unioned.accuracy_rate between 0 and 1
                then int_cost_entries_unioned.accuracy_rate
            end as accuracy_rate,
        from int_cost_entries_unioned
        cross join run_settings
        where int_cost_entries_unioned.cost_month <= run_settings.as_of_date
    ),
    priced as (
        select
            known_entries.*,
            try_cast(
                round(known_entries.amount * int_fx_rates_dated.fx_rate, 2) as decimal(18, 2)
            ) as amount_base,
        from known_entries
        left join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated",
                    "known_entries.priced_currency",
                    "known_entries.priced_date",
                )
            }}
    ),
    summed as (
        select
            source_system,
            cost_month,
            cost_pool,
            ledger_driver,
            cast(coalesce(sum(amount_base), 0) as decimal(18, 2)) as ledger_amount,
            count(*) filter (amount_base is null) as unpriced_count,
            max(accuracy_rate) as accuracy_rate,
        from priced
        group by source_system, cost_month, cost_pool, ledger_driver
    ),
    -- the row that names the driver of the ledger goes before the one for any driver
    classed as (
        select
            summed.* exclude (accuracy_rate),
            coalesce(named_drivers.cost_class, any_drivers.cost_class) as cost_class,
            coalesce(named_drivers.driver, any_drivers.driver) as driver,
            coalesce(
                summed.accuracy_rate, named_drivers.accuracy_rate, any_drivers.accuracy_rate
            ) as accuracy_rate,
            summed.accuracy_rate is not null as is_accuracy_stated,
        from summed
        left join
            cost_drivers as named_drivers
            on lower(summed.cost_pool) = lower(named_drivers.cost_pool)
            and lower(summed.ledger_driver) = lower(named_drivers.ledger_driver)
        left join
            cost_drivers as any_drivers
            on lower(summed.cost_pool) = lower(any_drivers.cost_pool)
            and any_drivers.ledger_driver is null
    )
select *
from classed
