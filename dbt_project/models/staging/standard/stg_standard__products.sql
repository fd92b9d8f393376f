-- Grain: one row per product
with
    known_rows as ({{ known_rows(source("raw_standard", "products"), "to_instant(recorded_at)") }}),
    renamed as (
        select
            blank_to_null(product_id) as product_id,
            blank_to_null(product_name) as product_name,
            blank_to_null(product_family) as product_family,
            blank_to_null(product_manager_id) as product_manager_id,
            {{ money("list_price_amount") }} as list_price_amount,
            {{ money("variable_cost_amount") }} as variable_cost_amount,
            {{ money("standard_cost_amount") }} as standard_cost_amount,
            upper(blank_to_null(currency)) as currency,
            cast(to_decimal(specification_tightness) as double) as specification_tightness,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
