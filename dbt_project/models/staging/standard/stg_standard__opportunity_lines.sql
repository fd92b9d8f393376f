-- Grain: one row per line of an opportunity
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "opportunity_lines"),
                known_at="to_instant(recorded_at)",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(line_number) as line_number,
            blank_to_null(product_id) as product_id,
            {{ quantity("quantity") }} as quantity,
            {{ unit_price("unit_price_amount") }} as unit_price_amount,
            cast(to_decimal(discount_rate) as double) as discount_rate,
            to_date(requested_delivery_date) as requested_delivery_date,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
