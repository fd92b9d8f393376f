-- Grain: one row per change of one field of an opportunity that dated extracts show
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    versions as (
        select
            'maven:' || blank_to_null(extract_rows.opportunity_id) as opportunity_id,
            'maven:' || blank_to_null(extract_rows.account) as account_id,
            'maven:' || blank_to_null(extract_rows.sales_agent) as owner_id,
            case
                when extract_rows.deal_stage = 'Won' then {{ money("extract_rows.close_value") }}
            end as amount,
            blank_to_null(extract_rows.deal_stage) as stage,
            {{ day_start("to_date(extract_rows.engage_date)") }} as created_at,
            {{ day_start("to_date(extract_rows.close_date)") }} as closed_at,
            'maven' as source_system,
            extract_rows._valid_from as seen_at,
            case
                when extract_rows._valid_to < run_settings.as_of_at then extract_rows._valid_to
            end as ended_at,
            extract_rows._is_first_extract as is_first_extract,
            extract_rows.deal_stage in ('Won', 'Lost') as is_closed,
            row_number() over (
                partition by extract_rows.opportunity_id order by extract_rows._valid_from
            ) as version_number,
        from {{ source("raw_maven", "sales_pipeline") }} as extract_rows
        cross join run_settings
        where
            extract_rows._valid_from < run_settings.as_of_at
            or (extract_rows._is_first_extract and extract_rows._valid_from is not null)
    ),
    -- a deal that is closed when first seen was open before: in the stage from which deals close,
    -- with a value that nobody had recorded
    versions_and_openings as (
        select * exclude (version_number),
        from versions
        union all by name
        select
            opportunity_id,
            account_id,
            owner_id,
            'Engaging' as stage,
            created_at,
            source_system,
            false as is_closed,
            false as is_first_extract,
        from versions
        where version_number = 1 and is_closed
    ),
    changes_seen as ({{ opportunity_changes_seen("versions_and_openings") }})
select *
from changes_seen
