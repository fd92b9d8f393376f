-- Grain: one row per currency and day
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "fx_rates"),
                known_at="to_instant(recorded_at)",
                happened_at=day_start("to_date(rate_date)"),
            )
        }}
    ),
    renamed as (
        select
            to_date(rate_date) as rate_date,
            upper(blank_to_null(currency)) as currency,
            try_cast(to_decimal(rate_to_base) as decimal(18, 8)) as rate_to_base,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
