-- Grain: one row per coaching session
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "coaching_sessions"),
                known_at="coalesce(to_instant(recorded_at), to_instant(held_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(session_id) as session_id,
            to_instant(held_at) as held_at,
            blank_to_null(manager_id) as manager_id,
            blank_to_null(rep_id) as rep_id,
            cast(to_decimal(duration_minutes) as double) as duration_minutes,
            {{ mapped_value("standard", "coaching_sessions", "process_step") }} as process_step,
            blank_to_null(process_step) as process_step_as_delivered,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
