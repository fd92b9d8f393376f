-- Grain: one row per lead
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "leads"),
                known_at="coalesce(to_instant(recorded_at), to_instant(created_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(lead_id) as lead_id,
            to_instant(created_at) as created_at,
            blank_to_null(source) as source,
            blank_to_null(segment) as segment,
            blank_to_null(owner_id) as owner_id,
            to_instant(qualified_at) as qualified_at,
            to_instant(disqualified_at) as disqualified_at,
            blank_to_null(opportunity_id) as opportunity_id,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
