-- Grain: one row per product: an item as described
with
    known_rows as (
        {{
            known_rows(
                source("raw_usaid", "supply_chain_shipment_pricing_data"), vanished_key="id"
            )
        }}
    ),
    items as (
        select
            'usaid:' || {{ squeezed("item_description") }} as product_id,
            {{ squeezed("item_description") }} as product_name,
            min(blank_to_null(product_group)) as product_family,
            bool_or(_vanished_at is null) as is_listed,
            'usaid' as source_system,
            {{ first_known() }},
        from known_rows
        where {{ squeezed("item_description") }} is not null
        group by product_id, product_name
    )
select *
from items
