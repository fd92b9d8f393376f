-- Grain: one row per wave, respondent and question
with
    known_rows as (
        {{ known_rows(source("raw_standard", "pulse_responses"), "to_instant(recorded_at)") }}
    ),
    renamed as (
        select
            blank_to_null(wave) as wave,
            blank_to_null(respondent_key) as respondent_key,
            coalesce(blank_to_null(question_id), 'alignment') as question_id,
            blank_to_null("function") as function_name,
            cast(to_decimal(score) as double) as score,
            blank_to_null(gap_reason) as gap_reason,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
