-- Grain: one row per action
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "pulse_actions"),
                known_at="to_instant(recorded_at)",
                happened_at=day_start("to_date(agreed_on)"),
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(action_id) as action_id,
            blank_to_null(wave) as wave,
            blank_to_null("function") as function_name,
            to_date(agreed_on) as agreed_on,
            to_date(done_on) as done_on,
            blank_to_null(process_step) as process_step,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
