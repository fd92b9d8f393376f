-- Grain: one row per product
with
    known_rows as ({{ known_rows(source("raw_bohanec", "salvirt_b2b_ml_dataset")) }}),
    products as (
        select
            'bohanec:' || blank_to_null(product) as product_id,
            blank_to_null(product) as product_name,
            'bohanec' as source_system,
            {{ first_known() }},
        from known_rows
        where blank_to_null(product) is not null
        group by product_id, product_name
    )
select *
from products
