-- Grain: one row per change of one field of an opportunity that versions of its record show
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    record_versions as ({{ salesforce_versions("opportunity") }}),
    known_versions as (
        select
            record_versions.*,
            case
                when record_versions._gone_at < run_settings.as_of_at then record_versions._gone_at
            end as _ended_at_as_of,
        from record_versions
        cross join run_settings
        where record_versions._is_known and record_versions._seen_at < run_settings.as_of_at
        -- a record of which one version is known has no history to tell
        qualify
            count(*) over (partition by record_versions._record) > 1 or _ended_at_as_of is not null
    ),
    versions as (
        select
            {{ salesforce_id("known_versions.id") }} as opportunity_id,
            {{ salesforce_id("known_versions.account_id") }} as account_id,
            {{ salesforce_id("known_versions.owner_id") }} as owner_id,
            {{ salesforce_pipeline("known_versions.record_type_id") }} as pipeline,
            blank_to_null(known_versions.stage_name) as stage,
            coalesce({{ salesforce_flag("known_versions.is_closed") }}, false) as is_closed,
            known_versions._created_at as created_at,
            -- the close date is what a rep wrote, and dates nothing
            case
                when {{ salesforce_flag("known_versions.is_closed") }}
                then to_utc_instant(known_versions.last_stage_change_date)
            end as closed_at,
            to_utc_date(known_versions.close_date) as expected_close_date,
            {{ money("known_versions.amount") }} as amount,
            upper(blank_to_null(known_versions.currency_iso_code)) as currency,
            {{ salesforce_probability("known_versions.probability") }} as probability,
            coalesce(
                {{ salesforce_forecast_category("known_versions.forecast_category") }},
                blank_to_null(known_versions.forecast_category_name)
            ) as forecast_category,
            known_versions._says_deleted as is_deleted,
            case
                when known_versions._says_deleted then known_versions._modified_at
            end as deleted_at,
            'salesforce' as source_system,
            known_versions._seen_at as seen_at,
            known_versions._ended_at_as_of as ended_at,
            known_versions._is_first as is_first_extract,
        from known_versions
    ),
    changes_seen as ({{ opportunity_changes_seen("versions") }})
select *
from changes_seen
