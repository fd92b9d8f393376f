-- Grain: one row per account
with
    records as ({{ salesforce_records("account") }}),
    renamed as (
        select
            {{ salesforce_id("id") }} as account_id,
            blank_to_null(name) as account_name,
            {{ salesforce_id("parent_id") }} as parent_account_id,
            coalesce(blank_to_null(segment_c), blank_to_null(industry)) as segment,
            blank_to_null(industry) as industry,
            blank_to_null(billing_country) as region,
            blank_to_null(type) as channel,
            -- a merge deletes the account and leaves the id of the one that stays
            case
                when _is_deleted then {{ salesforce_id("master_record_id") }}
            end as merged_into_account_id,
            case
                when _is_deleted and blank_to_null(master_record_id) is not null then _deleted_at
            end as merged_at,
            not _is_deleted as is_listed,
            'salesforce' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from records
    )
select *
from renamed
