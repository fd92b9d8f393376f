-- Grain: one row per lead
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    records as ({{ salesforce_records("lead") }}),
    read_records as (
        select
            records.*,
            {{ mapped_value("salesforce", "lead", "status") }} as status_read,
            {{ day_start("to_utc_date(converted_date)") }} as converted_at,
        from records
    ),
    -- a lead that was merged into another one is that one
    renamed as (
        select
            {{ salesforce_id("read_records.id") }} as lead_id,
            read_records._created_at as created_at,
            blank_to_null(read_records.lead_source) as source,
            coalesce(
                blank_to_null(read_records.segment_c), blank_to_null(read_records.industry)
            ) as segment,
            {{ salesforce_id("read_records.owner_id") }} as owner_id,
            case
                when
                    coalesce({{ salesforce_flag("read_records.is_converted") }}, true)
                    and read_records.converted_at < run_settings.as_of_at
                -- Salesforce keeps the day alone
                then greatest(read_records.converted_at, read_records._created_at)
            end as qualified_at,
            -- nothing says when; the last modification is the best guess
            case
                when
                    read_records.status_read = 'Unqualified'
                    and read_records._seen_at < run_settings.as_of_at
                then coalesce(read_records._modified_at, read_records._seen_at)
            end as disqualified_at,
            {{ salesforce_id("read_records.converted_opportunity_id") }} as opportunity_id,
            'salesforce' as source_system,
            read_records._known_at as recorded_at,
            read_records._is_reconstructed as is_history_reconstructed,
        from read_records
        cross join run_settings
        where not read_records._is_deleted
    )
select *
from renamed
