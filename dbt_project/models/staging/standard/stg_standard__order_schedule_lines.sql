-- Grain: one row per schedule line of an order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "order_schedule_lines"),
                known_at="to_instant(recorded_at)",
                vanished_key="order_id, line_number, schedule_number",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            blank_to_null(schedule_number) as schedule_number,
            {{ quantity("quantity") }} as quantity,
            to_date(requested_date) as requested_date,
            to_date(first_promise_date) as first_promise_date,
            to_date(current_promise_date) as current_promise_date,
            _vanished_at as deleted_at,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
