-- Grain: one row per change of one field of an opportunity
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    versions as (
        select
            'maven:' || blank_to_null(extract_rows.opportunity_id) as opportunity_id,
            blank_to_null(extract_rows.deal_stage) as stage,
            case
                when extract_rows.deal_stage = 'Won'
                then cast({{ money("extract_rows.close_value") }} as varchar)
            end as amount,
            'maven:' || blank_to_null(extract_rows.sales_agent) as owner_id,
            'maven:' || blank_to_null(extract_rows.account) as account_id,
            to_date(extract_rows.close_date) as close_date,
            extract_rows.deal_stage in ('Won', 'Lost') as is_closed,
            extract_rows._is_first_extract as is_in_first_extract,
            extract_rows._valid_from as seen_at,
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
        select *
        from versions
        union all by name
        select
            opportunity_id,
            'Engaging' as stage,
            owner_id,
            account_id,
            false as is_closed,
            0 as version_number,
        from versions
        where version_number = 1 and is_closed
    ),
    field_values as (
        select
            opportunity_id,
            version_number,
            close_date,
            is_closed,
            is_in_first_extract,
            seen_at,
            unnest([1, 2, 3, 4]) as sequence,
            unnest(['account_id', 'owner_id', 'amount', 'stage']) as field,
            unnest([account_id, owner_id, amount, stage]) as new_value,
        from versions_and_openings
    ),
    compared as (
        select
            *,
            lag(new_value) over field_history as old_value,
            lag(is_closed) over field_history as was_closed,
            lag(version_number) over field_history as previous_version_number,
        from field_values
        window field_history as (partition by opportunity_id, field order by version_number)
    ),
    -- only a closing bears a date of its own; of any other change we know when it was seen
    changes as (
        select
            opportunity_id,
            case
                when is_closed and not was_closed
                then coalesce({{ day_start("close_date") }}, seen_at)
                else seen_at
            end as changed_at,
            field,
            old_value,
            new_value,
            cast(sequence as bigint) as sequence,
            'maven' as source_system,
            is_in_first_extract as is_history_reconstructed,
            seen_at,
        from compared
        where
            previous_version_number is not null
            and new_value is not null
            and new_value is distinct from old_value
    ),
    known_changes as (
        select
            changes.opportunity_id,
            changes.changed_at,
            changes.field,
            changes.old_value,
            changes.new_value,
            changes.sequence,
            changes.source_system,
            case
                when changes.is_history_reconstructed then changes.changed_at else changes.seen_at
            end as recorded_at,
            changes.is_history_reconstructed,
        from changes
        cross join run_settings
        where not changes.is_history_reconstructed or changes.changed_at < run_settings.as_of_at
    )
select *
from known_changes
