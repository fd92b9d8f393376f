-- Grain: one row per promise for an order line that dated extracts show
with
    known_versions as (
        {{ known_versions(source("raw_usaid", "supply_chain_shipment_pricing_data"), key="id") }}
    ),
    versions as (
        select
            'usaid:' || blank_to_null(po_so_number) as order_id,
            blank_to_null(id) as line_number,
            cast(null as varchar) as schedule_number,
            to_date_as(scheduled_delivery_date, '%d-%b-%y') as first_promise_date,
            to_date_as(scheduled_delivery_date, '%d-%b-%y') as current_promise_date,
            'usaid' as source_system,
            _valid_from as seen_at,
            _is_first_extract as is_first_extract,
        from known_versions
    ),
    changes_seen as ({{ promise_changes_seen("versions") }})
select *
from changes_seen
