-- Grain: one row per product
with
    int_products_unioned as (select * from {{ ref("int_products_unioned") }}),
    products as (
        select
            product_id,
            product_name,
            coalesce(product_family, 'unknown') as product_family,
            product_manager_id,
            list_price_amount,
            variable_cost_amount,
            standard_cost_amount,
            currency,
            specification_tightness,
            coalesce(is_listed, true) as is_listed,
            source_system,
        from int_products_unioned
    )
select *
from products
