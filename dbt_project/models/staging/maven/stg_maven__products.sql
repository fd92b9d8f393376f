-- Grain: one row per product
with
    known_rows as ({{ known_rows(source("raw_maven", "products"), vanished_key="product") }}),
    renamed as (
        select
            'maven:' || blank_to_null(product) as product_id,
            blank_to_null(product) as product_name,
            blank_to_null(series) as product_family,
            {{ money("sales_price") }} as list_price_amount,
            'USD' as currency,
            _vanished_at is null as is_listed,
            'maven' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
