-- Grain: one row per objective, rep and period
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "objective_results"),
                known_at="to_instant(recorded_at)",
                happened_at=day_start("to_date(period_start)"),
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(objective_id) as objective_id,
            blank_to_null(rep_id) as rep_id,
            to_date(period_start) as period_start,
            cast(to_decimal(actual) as double) as actual,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
