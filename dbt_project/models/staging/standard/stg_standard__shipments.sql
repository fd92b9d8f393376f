-- Grain: one row per shipment of an order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "shipments"),
                known_at="to_instant(recorded_at)",
                happened_at=day_start("to_date(shipped_on)"),
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(shipment_id) as shipment_id,
            blank_to_null(order_id) as order_id,
            blank_to_null(line_number) as line_number,
            {{ quantity("quantity") }} as quantity,
            to_date(shipped_on) as shipped_on,
            to_date(delivered_on) as delivered_on,
            {{ money("freight_amount") }} as freight_amount,
            blank_to_null(freight_amount) as freight_as_delivered,
            upper(blank_to_null(currency)) as currency,
            to_boolean(is_expedited) as is_expedited,
            cast(null as varchar) as destination,
            cast(null as varchar) as route,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
