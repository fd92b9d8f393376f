-- Grain: one row per work centre
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "work_centers"),
                known_at="to_instant(recorded_at)",
                vanished_key="work_center_id",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(work_center_id) as work_center_id,
            blank_to_null(work_center_name) as work_center_name,
            cast(to_decimal(available_hours_per_week) as double) as available_hours_per_week,
            _vanished_at is null as is_listed,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
