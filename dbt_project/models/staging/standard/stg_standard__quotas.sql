-- Grain: one row per rep and first day of a period
with
    known_rows as ({{ known_rows(source("raw_standard", "quotas"), "to_instant(recorded_at)") }}),
    renamed as (
        select
            blank_to_null(rep_id) as rep_id,
            to_date(period_start) as period_start,
            to_date(period_end) as period_end,
            {{ money("amount") }} as amount,
            upper(blank_to_null(currency)) as currency,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
