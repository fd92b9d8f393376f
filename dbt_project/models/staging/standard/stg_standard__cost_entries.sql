-- Grain: one row per month, cost pool and driver of the ledger
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "cost_entries"),
                known_at="to_instant(recorded_at)",
                happened_at=day_start("to_date(month)"),
            )
        }}
    ),
    renamed as (
        select
            cast(date_trunc('month', to_date(month)) as date) as cost_month,
            blank_to_null(cost_pool) as cost_pool,
            blank_to_null(driver) as ledger_driver,
            {{ money("amount") }} as amount,
            upper(blank_to_null(currency)) as currency,
            cast(to_decimal(accuracy_rate) as double) as accuracy_rate,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
