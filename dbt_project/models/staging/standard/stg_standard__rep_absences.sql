-- Grain: one row per rep and absence
with
    known_rows as (
        {{ known_rows(source("raw_standard", "rep_absences"), "to_instant(recorded_at)") }}
    ),
    renamed as (
        select
            blank_to_null(rep_id) as rep_id,
            to_date(starts_on) as starts_on,
            to_date(ends_on) as ends_on,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
