-- Grain: one row per quote for a deal
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "quotes"),
                known_at="coalesce(to_instant(recorded_at), to_instant(quoted_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(quote_id) as quote_id,
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(product_id) as product_id,
            {{ quantity("quantity") }} as quantity,
            to_instant(quoted_at) as quoted_at,
            to_date(quoted_delivery_date) as quoted_delivery_date,
            lower(blank_to_null(quoted_by_function)) as quoted_by_function,
            {{ money("amount") }} as amount,
            upper(blank_to_null(currency)) as currency,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
