-- Grain: one row per product
with
    records as ({{ salesforce_records("product2") }}),
    renamed as (
        select
            {{ salesforce_id("id") }} as product_id,
            blank_to_null(name) as product_name,
            blank_to_null(family) as product_family,
            not _is_deleted as is_listed,
            'salesforce' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from records
    )
select *
from renamed
