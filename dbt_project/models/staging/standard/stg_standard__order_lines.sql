-- Grain: one row per order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "order_lines"),
                known_at="to_instant(recorded_at)",
                happened_at="to_instant(ordered_at)",
                vanished_key="order_id, line_number",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            blank_to_null(account_id) as account_id,
            blank_to_null(product_id) as product_id,
            blank_to_null(rep_id) as rep_id,
            blank_to_null(opportunity_id) as opportunity_id,
            to_instant(ordered_at) as ordered_at,
            {{ quantity("quantity") }} as quantity,
            {{ unit_price("unit_price_amount") }} as unit_price_amount,
            cast(to_decimal(discount_rate) as double) as discount_rate,
            upper(blank_to_null(currency)) as currency,
            to_date(requested_date) as requested_date,
            to_date(first_promise_date) as first_promise_date,
            to_date(current_promise_date) as current_promise_date,
            to_date(cancelled_on) as cancelled_on,
            lower(blank_to_null(cancelled_by)) as cancelled_by,
            _vanished_at as deleted_at,
            cast(null as varchar) as promised_by,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
