-- Grain: one row per recorded promise or quote of an order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "promise_changes"),
                known_at="coalesce(to_instant(recorded_at), to_instant(changed_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            blank_to_null(schedule_number) as schedule_number,
            to_instant(changed_at) as changed_at,
            to_date(promise_date) as promise_date,
            lower(blank_to_null(changed_by_function)) as changed_by_function,
            lower(blank_to_null(kind)) as kind,
            blank_to_null(reason) as reason,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
