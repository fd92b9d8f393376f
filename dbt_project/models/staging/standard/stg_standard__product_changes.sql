-- Grain: one row per product change
with
    known_rows as (
        {{ known_rows(source("raw_standard", "product_changes"), "to_instant(recorded_at)") }}
    ),
    renamed as (
        select
            blank_to_null(product_change_id) as product_change_id,
            blank_to_null(product_id) as product_id,
            blank_to_null(product_manager_id) as product_manager_id,
            blank_to_null(change_type) as change_type,
            blank_to_null(size_class) as size_class,
            to_date(effective_on) as effective_on,
            to_date(operations_signed_off_on) as operations_signed_off_on,
            to_date(sales_signed_off_on) as sales_signed_off_on,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
