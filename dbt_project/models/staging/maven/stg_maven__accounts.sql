-- Grain: one row per account
with
    known_rows as ({{ known_rows(source("raw_maven", "accounts"), vanished_key="account") }}),
    renamed as (
        select
            'maven:' || blank_to_null(account) as account_id,
            blank_to_null(account) as account_name,
            'maven:' || blank_to_null(subsidiary_of) as parent_account_id,
            {{ mapped_value("maven", "accounts", "sector") }} as segment,
            {{ mapped_value("maven", "accounts", "sector") }} as industry,
            blank_to_null(sector) as industry_as_delivered,
            blank_to_null(office_location) as region,
            _vanished_at is null as is_listed,
            'maven' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
