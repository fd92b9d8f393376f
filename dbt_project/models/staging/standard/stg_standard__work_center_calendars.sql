-- Grain: one row per work centre and week
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "work_center_calendars"),
                known_at="to_instant(recorded_at)",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(work_center_id) as work_center_id,
            to_date(week_start) as week_start,
            cast(to_decimal(available_hours) as double) as available_hours,
            cast(to_decimal(overtime_hours) as double) as overtime_hours,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
