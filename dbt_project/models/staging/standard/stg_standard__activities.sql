-- Grain: one row per activity
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "activities"),
                known_at="coalesce(to_instant(recorded_at), to_instant(occurred_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(activity_id) as activity_id,
            to_instant(occurred_at) as occurred_at,
            blank_to_null(rep_id) as rep_id,
            blank_to_null(activity_type) as activity_type,
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(account_id) as account_id,
            blank_to_null(objective_id) as objective_id,
            blank_to_null(participant_function) as participant_function,
            cast(to_decimal(duration_minutes) as double) as duration_minutes,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
