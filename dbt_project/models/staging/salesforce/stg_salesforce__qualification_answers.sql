-- Grain: one row per answer: opportunity, attribute, instant and rater
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    salesforce_qualification_fields as (
        select
            *,
            -- a field is Budget_Confirmed__c in the API, budget_confirmed_c in a replicated table
            regexp_replace(lower(field), '[^a-z0-9]', '', 'g') as field_key,
        from {{ ref("salesforce_qualification_fields") }}
    ),
    field_history_rows as (
        {{
            known_rows(
                source("raw_salesforce", "opportunity_field_history"),
                known_at="to_utc_instant(created_date)",
            )
        }}
    ),
    versions as ({{ salesforce_versions("opportunity") }}),
    known_versions as (
        select versions.*
        from versions
        cross join run_settings
        where versions._is_known and versions._seen_at < run_settings.as_of_at
    ),
    logged_answers as (
        select
            {{ salesforce_id("field_history_rows.opportunity_id") }} as opportunity_id,
            salesforce_qualification_fields.attribute_id,
            salesforce_qualification_fields.is_checkbox,
            to_utc_instant(field_history_rows.created_date) as told_at,
            field_history_rows.id as log_id,
            {{ salesforce_id("field_history_rows.created_by_id") }} as assessed_by,
            field_history_rows.old_value,
            field_history_rows.new_value as told,
        from field_history_rows
        inner join
            salesforce_qualification_fields
            on regexp_replace(lower(field_history_rows.field), '[^a-z0-9]', '', 'g')
            = salesforce_qualification_fields.field_key
    ),
    -- the custom columns that came, whichever they are, one row each where they are filled
    custom_values as (
        select *
        from
            (
                select
                    {{ salesforce_id("id") }} as opportunity_id,
                    _created_at,
                    _seen_at,
                    -- what a record says since its creation is dated by that
                    _is_first
                    and coalesce(_seen_at <> _created_at, true) as is_history_reconstructed,
                    columns('.*_c$'),
                from known_versions
            )
            unpivot (told for column_name in (columns('.*_c$')))
    ),
    version_answers as (
        select
            custom_values.opportunity_id,
            salesforce_qualification_fields.attribute_id,
            salesforce_qualification_fields.is_checkbox,
            custom_values._created_at as created_at,
            custom_values._seen_at as told_at,
            custom_values.told,
            custom_values.is_history_reconstructed,
        from custom_values
        inner join
            salesforce_qualification_fields
            on regexp_replace(custom_values.column_name, '[^a-z0-9]', '', 'g')
            = salesforce_qualification_fields.field_key
        where blank_to_null(custom_values.told) is not null
    ),
    -- a field is tracked from its first logged change on; what it said before that change, or says
    -- without one, it has said since then or since the creation of the deal
    tracked_since as (
        select attribute_id, min(told_at) as tracked_at from logged_answers group by attribute_id
    ),
    first_log_rows as (
        select *
        from logged_answers
        qualify
            row_number() over (partition by opportunity_id, attribute_id order by told_at, log_id)
            = 1
    ),
    first_versions as (
        select *
        from version_answers
        qualify row_number() over (partition by opportunity_id, attribute_id order by told_at) = 1
    ),
    creations as (
        select {{ salesforce_id("id") }} as opportunity_id, min(_created_at) as created_at,
        from known_versions
        group by all
    ),
    first_answers as (
        select
            coalesce(
                first_log_rows.opportunity_id, first_versions.opportunity_id
            ) as opportunity_id,
            coalesce(first_log_rows.attribute_id, first_versions.attribute_id) as attribute_id,
            coalesce(first_log_rows.is_checkbox, first_versions.is_checkbox) as is_checkbox,
            case
                when first_log_rows.opportunity_id is not null
                then first_log_rows.old_value
                else first_versions.told
            end as told,
        from first_log_rows
        full join
            first_versions
            on first_log_rows.opportunity_id = first_versions.opportunity_id
            and first_log_rows.attribute_id = first_versions.attribute_id
    ),
    observations as (
        select
            first_answers.*,
            greatest(creations.created_at, tracked_since.tracked_at) as told_at,
            1 as step,
            true as is_history_reconstructed,
        from first_answers
        inner join tracked_since on first_answers.attribute_id = tracked_since.attribute_id
        inner join creations on first_answers.opportunity_id = creations.opportunity_id
        union all by name
        select * exclude (created_at), 2 as step,
        from version_answers
        union all by name
        select * exclude (old_value), 3 as step, false as is_history_reconstructed,
        from logged_answers
    ),
    -- numbers without the zeros, boxes in words: exports write them in several ways; of one instant
    -- the last word of the log
    rated as (
        select
            * exclude (told, is_checkbox),
            case
                when is_checkbox
                then cast({{ salesforce_flag("told") }} as varchar)
                when to_decimal(told) is not null
                then regexp_replace(cast(to_decimal(told) as varchar), '[.]?0+$', '')
                else blank_to_null(told)
            end as rating,
        from observations
        qualify
            row_number() over (
                partition by opportunity_id, attribute_id, told_at order by step desc, log_id desc
            )
            = 1
    ),
    compared as (
        select
            *,
            lag(rating) over (
                partition by opportunity_id, attribute_id order by told_at
            ) as previous_rating,
        from rated
    ),
    answers as (
        select
            opportunity_id,
            attribute_id,
            rating,
            told_at as assessed_at,
            assessed_by,
            -- a field holds one answer: whoever writes the next one overwrites it
            true as is_only_answer,
            'salesforce' as source_system,
            told_at as recorded_at,
            is_history_reconstructed,
        from compared
        where rating is not null and rating is distinct from previous_rating
    )
select *
from answers
