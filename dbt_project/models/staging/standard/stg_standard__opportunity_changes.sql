-- Grain: one row per change of one field of an opportunity
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "opportunity_changes"),
                known_at="coalesce(to_instant(recorded_at), to_instant(changed_at))",
                keep_later=true,
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(opportunity_id) as opportunity_id,
            to_instant(changed_at) as changed_at,
            lower(blank_to_null(field)) as field,
            blank_to_null(old_value) as old_value,
            blank_to_null(new_value) as new_value,
            to_integer(sequence) as sequence,
            blank_to_null(changed_by) as changed_by,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_later as is_after_as_of,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
