-- Grain: one row per rep
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "sales_reps"),
                known_at="to_instant(recorded_at)",
                vanished_key="rep_id",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(rep_id) as rep_id,
            blank_to_null(rep_name) as rep_name,
            blank_to_null(manager_id) as manager_id,
            blank_to_null(territory) as territory,
            to_date(hired_on) as hired_on,
            to_date(left_on) as left_on,
            _vanished_at is null as is_listed,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
