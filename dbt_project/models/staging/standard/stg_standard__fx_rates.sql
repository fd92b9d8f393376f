-- Grain: one row per currency and day
with
    known_rows as (
        {{ known_rows(source("raw_standard", "fx_rates"), "to_instant(recorded_at)") }}
    ),
    renamed as (
        select
            to_date(rate_date) as rate_date,
            blank_to_null(currency) as currency,
            cast(to_decimal(rate_to_base) as double) as rate_to_base,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
