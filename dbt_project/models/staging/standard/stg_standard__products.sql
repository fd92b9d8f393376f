-- Grain: one row per product
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "products"),
                known_at="to_instant(recorded_at)",
                vanished_key="product_id",
            )
        }}
    ),
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
            _vanished_at is null as is_listed,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
