-- Grain: one row per order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "order_lines"),
                known_at="to_instant(recorded_at)",
                happened_at="to_instant(ordered_at)",
            )
        }}
    ),
    first_seen as (
        {{
            first_seen(
                source("raw_standard", "order_lines"),
                "order_id, line_number",
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
            first_seen_promise_date,
            to_date(cancelled_on) as cancelled_on,
            lower(blank_to_null(cancelled_by)) as cancelled_by,
            cast(null as varchar) as promised_by,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows_with_first_promise
    )
select *
from renamed
