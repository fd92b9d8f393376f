-- Grain: one row per wave and function
with
    known_rows as (
        {{ known_rows(source("raw_standard", "pulse_invitations"), "to_instant(recorded_at)") }}
    ),
    renamed as (
        select
            blank_to_null(wave) as wave,
            blank_to_null("function") as function_name,
            cast(to_decimal(invited_count) as bigint) as invited_count,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
