-- Grain: one row per opportunity
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "opportunities"),
                known_at="coalesce(to_instant(recorded_at), to_instant(created_at))",
                vanished_key="opportunity_id",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(account_id) as account_id,
            blank_to_null(owner_id) as owner_id,
            coalesce(blank_to_null(pipeline), 'default') as pipeline,
            blank_to_null(stage) as stage,
            to_instant(created_at) as created_at,
            to_instant(closed_at) as closed_at,
            to_date(expected_close_date) as expected_close_date,
            {{ money("amount") }} as amount,
            upper(blank_to_null(currency)) as currency,
            cast(to_decimal(probability) as double) as probability,
            blank_to_null(forecast_category) as forecast_category,
            blank_to_null(outcome_reason) as outcome_reason,
            blank_to_null(value_proposition) as value_proposition,
            blank_to_null(lead_source) as lead_source,
            blank_to_null(opportunity_type) as opportunity_type,
            blank_to_null(product_id) as product_id,
            to_date(requested_delivery_date) as requested_delivery_date,
            blank_to_null(merged_into_opportunity_id) as merged_into_opportunity_id,
            to_instant(merged_at) as merged_at,
            coalesce(to_boolean(is_deleted), false) or _vanished_at is not null as is_deleted,
            coalesce(to_instant(deleted_at), _vanished_at) as deleted_at,
            'standard' as source_system,
            _known_at as recorded_at,
            _valid_from as extracted_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
