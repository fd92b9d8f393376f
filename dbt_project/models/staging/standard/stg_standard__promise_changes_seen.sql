-- Grain: one row per promise for an order line or schedule line that dated extracts show
with
    known_order_lines as (
        {{
            known_versions(
                source("raw_standard", "order_lines"),
                key="order_id, line_number",
                known_at="to_instant(recorded_at)",
            )
        }}
    ),
    known_schedule_lines as (
        {{
            known_versions(
                source("raw_standard", "order_schedule_lines"),
                key="order_id, line_number, schedule_number",
                known_at="to_instant(recorded_at)",
            )
        }}
    ),
    known_dates as (
        select *
        from known_order_lines
        union all by name
        select *
        from known_schedule_lines
    ),
    versions as (
        select
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            blank_to_null(schedule_number) as schedule_number,
            to_date(first_promise_date) as first_promise_date,
            to_date(current_promise_date) as current_promise_date,
            'standard' as source_system,
            _valid_from as seen_at,
            _is_first_extract as is_first_extract,
        from known_dates
    ),
    changes_seen as ({{ promise_changes_seen("versions") }})
select *
from changes_seen
