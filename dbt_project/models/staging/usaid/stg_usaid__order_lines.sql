-- Grain: one row per order line
with
    known_rows as (
        {{
            known_rows(
                source("raw_usaid", "supply_chain_shipment_pricing_data"), vanished_key="id"
            )
        }}
    ),
    renamed as (
        select
            'usaid:' || blank_to_null(po_so_number) as order_id,
            blank_to_null(id) as line_number,
            'usaid:' || blank_to_null(project_code) as account_id,
            'usaid:' || {{ squeezed("item_description") }} as product_id,
            {{ day_start(lenient_date("po_sent_to_vendor_date", ["%d-%b-%y", "%m/%d/%Y"])) }}
            as ordered_at,
            blank_to_null(po_sent_to_vendor_date) as ordered_at_as_delivered,
            {{ quantity("line_item_quantity") }} as quantity,
            -- the quantity counts packs; what the source calls unit price is that of one dose
            {{ unit_price("pack_price") }} as unit_price_amount,
            {{ money("line_item_value") }} as line_amount,
            'USD' as currency,
            to_date_as(scheduled_delivery_date, '%d-%b-%y') as first_promise_date,
            to_date_as(scheduled_delivery_date, '%d-%b-%y') as current_promise_date,
            _vanished_at as deleted_at,
            blank_to_null(fulfill_via) as promised_by,
            'usaid' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
