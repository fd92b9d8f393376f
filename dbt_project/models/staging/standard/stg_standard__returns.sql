-- Grain: one row per return of an order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "returns"),
                known_at="to_instant(recorded_at)",
                happened_at=day_start("to_date(returned_on)"),
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(return_id) as return_id,
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            {{ quantity("quantity") }} as quantity,
            to_date(returned_on) as returned_on,
            {{ money("credit_amount") }} as credit_amount,
            blank_to_null(reason) as reason,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
