-- Grain: one row per work order
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "work_orders"),
                known_at="to_instant(recorded_at)",
                happened_at="least(to_instant(released_at), to_instant(started_at))",
                vanished_key="work_order_id",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(work_order_id) as work_order_id,
            blank_to_null(product_id) as product_id,
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            {{ quantity("quantity") }} as quantity,
            to_instant(released_at) as released_at,
            to_instant(planned_start_at) as planned_start_at,
            to_instant(planned_end_at) as planned_end_at,
            to_instant(started_at) as started_at,
            to_instant(finished_at) as finished_at,
            blank_to_null(status) as status,
            _vanished_at as deleted_at,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
