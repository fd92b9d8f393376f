-- Grain: one row per account
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "accounts"),
                known_at="to_instant(recorded_at)",
                vanished_key="account_id",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(account_id) as account_id,
            blank_to_null(account_name) as account_name,
            blank_to_null(parent_account_id) as parent_account_id,
            blank_to_null(segment) as segment,
            blank_to_null(industry) as industry,
            blank_to_null(region) as region,
            blank_to_null(channel) as channel,
            blank_to_null(merged_into_account_id) as merged_into_account_id,
            to_instant(merged_at) as merged_at,
            _vanished_at is null as is_listed,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
