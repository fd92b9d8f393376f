-- Grain: one row per opportunity: a row of the extract
with
    known_rows as ({{ known_rows(source("raw_bohanec", "salvirt_b2b_ml_dataset")) }}),
    renamed as (
        select
            'bohanec:' || _row_number as opportunity_id,
            'bohanec:' || blank_to_null(seller) as owner_id,
            'default' as pipeline,
            blank_to_null(status) as stage,
            'bohanec:' || blank_to_null(product) as product_id,
            blank_to_null(source) as lead_source,
            blank_to_null(deal_type) as opportunity_type,
            false as is_deleted,
            'bohanec' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
