-- Grain: one row per pipeline and stage
with
    records as ({{ salesforce_records("opportunity_stage") }}),
    opportunities as ({{ salesforce_records("opportunity") }}),
    value_maps as (select * from {{ ref("value_maps") }}),
    -- an org has one list of stages, whichever record type uses which of them
    pipelines as (
        select 'default' as pipeline
        union
        select "to" as pipeline
        from value_maps
        where
            source_system = 'salesforce' and entity = 'opportunity' and "column" = 'record_type_id'
    ),
    -- records name a stage by its API name, reports and some histories by its label
    named as (
        select
            unnest(
                list_distinct(
                    [coalesce(blank_to_null(api_name), trim(master_label)), trim(master_label)]
                )
            ) as stage,
            -- one that is switched off is no step any more
            case
                when coalesce({{ salesforce_flag("is_active") }}, true)
                then cast(to_integer(sort_order) as integer)
            end as sort_order,
            case
                when {{ salesforce_flag("is_won") }}
                then 'won'
                when {{ salesforce_flag("is_closed") }}
                then 'lost'
                else 'open'
            end as stage_type,
            _known_at,
            _is_reconstructed,
        from records
        where not _is_deleted
    ),
    listed as (
        select
            stage,
            min(sort_order) as sort_order,
            min(stage_type) as stage_type,
            {{ first_known() }},
        from named
        group by stage
    ),
    -- what is not listed: the deals themselves say whether it closed them
    told_by_deals as (
        select
            blank_to_null(stage_name) as stage,
            case
                when bool_and({{ salesforce_flag("is_won") }}) then 'won' else 'lost'
            end as stage_type,
            {{ first_known() }},
        from opportunities
        group by blank_to_null(stage_name)
        having
            bool_and({{ salesforce_flag("is_closed") }})
            and bool_and({{ salesforce_flag("is_won") }}) = bool_or({{ salesforce_flag("is_won") }})
    ),
    stages as (
        select *
        from listed
        union all by name
        select told_by_deals.*
        from told_by_deals
        anti join listed on told_by_deals.stage = listed.stage
    ),
    renamed as (
        select
            pipelines.pipeline,
            stages.stage,
            case when stages.stage_type = 'open' then stages.sort_order end as stage_order,
            stages.stage_type,
            'salesforce' as source_system,
            stages.recorded_at,
            stages.is_history_reconstructed,
        from stages
        cross join pipelines
        where stages.stage is not null
    )
select *
from renamed
