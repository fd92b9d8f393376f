-- Grain: one row per opportunity and rep
with
    known_rows as (
        {{ known_rows(source("raw_standard", "opportunity_splits"), "to_instant(recorded_at)") }}
    ),
    renamed as (
        select
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(rep_id) as rep_id,
            cast(to_decimal(split_share) as double) as split_share,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
