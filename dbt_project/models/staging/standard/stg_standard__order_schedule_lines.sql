-- Grain: one row per schedule line of an order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "order_schedule_lines"),
                known_at="to_instant(recorded_at)",
            )
        }}
    ),
    first_seen as (
        {{
            first_seen(
                source("raw_standard", "order_schedule_lines"),
                "order_id, line_number, schedule_number",
                "to_date(current_promise_date)",
            )
        }}
    ),
    known_rows_with_first_promise as (
        select known_rows.*, first_seen.first_value as first_seen_promise_date,
        from known_rows
        left join
            first_seen
            on known_rows.order_id = first_seen.order_id
            and known_rows.line_number = first_seen.line_number
            and known_rows.schedule_number = first_seen.schedule_number
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
            first_seen_promise_date,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows_with_first_promise
    )
select *
from renamed
