-- Grain: one row per answer: opportunity, attribute, instant and rater
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "qualification_answers"),
                known_at="coalesce(to_instant(recorded_at), to_instant(assessed_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(attribute_id) as attribute_id,
            blank_to_null(rating) as rating,
            to_instant(assessed_at) as assessed_at,
            blank_to_null(assessed_by) as assessed_by,
            false as is_only_answer,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
