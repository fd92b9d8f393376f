-- Grain: one row per shipment: the delivery of one order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_usaid", "supply_chain_shipment_pricing_data"),
                known_at=day_start("to_date_as(delivery_recorded_date, '%d-%b-%y')"),
            )
        }}
    ),
    renamed as (
        select
            'usaid:' || blank_to_null(id) as shipment_id,
            'usaid:' || blank_to_null(po_so_number) as order_id,
            blank_to_null(id) as line_number,
            {{ quantity("line_item_quantity") }} as quantity,
            -- no date of dispatch is kept; the day of delivery is the only one there is
            to_date_as(delivered_to_client_date, '%d-%b-%y') as shipped_on,
            to_date_as(delivered_to_client_date, '%d-%b-%y') as delivered_on,
            {{ money("freight_cost_usd") }} as freight_amount,
            blank_to_null(freight_cost_usd) as freight_as_delivered,
            'USD' as currency,
            blank_to_null(country) as destination,
            coalesce(blank_to_null(fulfill_via), 'unknown')
            || ', '
            || coalesce(nullif(blank_to_null(shipment_mode), 'N/A'), 'unknown') as route,
            'usaid' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
        where blank_to_null(delivered_to_client_date) is not null
    )
select *
from renamed
