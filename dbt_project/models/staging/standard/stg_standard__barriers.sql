-- Grain: one row per barrier
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "barriers"),
                known_at="to_instant(recorded_at)",
                happened_at="to_instant(raised_at)",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(barrier_id) as barrier_id,
            to_instant(raised_at) as raised_at,
            blank_to_null(raised_by) as raised_by,
            blank_to_null(process_step) as process_step,
            blank_to_null(cause) as cause,
            to_instant(first_response_at) as first_response_at,
            to_instant(removed_at) as removed_at,
            blank_to_null(manager_id) as manager_id,
            cast(to_decimal(hours_lost) as double) as hours_lost,
            blank_to_null(opportunity_id) as opportunity_id,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
